"""Carries out an experiment: what is finished stands, what was interrupted goes on, what changed is done again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dactyl.errors import DactylError
from dactyl.reproduction import cost, report
from dactyl.reproduction.experiment import Experiment, Here, Size, Step, StoppedError, check_plan
from dactyl.reproduction.inputs import inputs_of
from dactyl.reproduction.sharing import cores, workers_for
from dactyl.reproduction.store import NOT_YET, Finished, Store
from dactyl.status_line import duration
from dactyl.storage.locks import locked


@dataclass(frozen=True)
class Choice:
    """How experiments are carried out."""

    root: Path = Path("runs/reproduce")
    quick: bool = False
    threads: int = 0
    """Of the CPU, 0 for all cores."""
    workers: int | None = None
    """Processes that train together; None: one for each core, as far as they share the work evenly."""

    def size(self) -> Size:
        """What plans depend on."""
        return Size(self.quick, cores())

    def processes(self) -> int:
        """That train together."""
        return workers_for(cores()) if self.workers is None else self.workers


@dataclass(frozen=True)
class Standing:
    """How a step stands."""

    step: Step
    found: Finished | None
    why: str
    """It is to be done; empty where it is finished."""


def standings(steps: Iterable[Step], store: Store) -> list[Standing]:
    """How every step of a plan stands.

    Raises:
        DactylError: a file that a step is made from cannot be read.
    """
    found: list[Standing] = []
    marks: dict[str, str] = {}
    for step in steps:
        if waiting := [name for name in step.needs if name not in marks]:
            found.append(Standing(step, None, f"{waiting[0]} comes first" if store.file(step).exists() else NOT_YET))
            continue
        finished, why = store.read(step, inputs_of(step, marks))
        if finished:
            marks[step.name] = finished.mark
        found.append(Standing(step, finished, why))
    return found


def left(stand: Iterable[Standing]) -> float:
    """s that what is to be done takes, by what the finished steps took."""
    stand = list(stand)
    rates = cost.measured((each.found.work, each.found.seconds) for each in stand if each.found)
    return sum(cost.seconds(each.step.work, rates) for each in stand if not each.found)


def run(experiment: Experiment, choice: Choice, say: Callable[[str], None]) -> list[Path]:
    """Carry an experiment out, and write its report.

    Args:
        experiment: what.
        choice: how.
        say: told the cost before anything starts, then what is done.

    Returns:
        The report's files, the results first.

    Raises:
        StoppedError: a signal came; finished steps are kept, and the step that it came in goes on where it can.
        DactylError: whatever a step met, or a file cannot be written.
    """
    steps = experiment.plan(choice.size())
    check_plan(experiment, steps)
    store = Store(choice.root, experiment.name, choice.quick)
    with ExitStack() as stack:
        for folder in store.folders(steps):
            stack.enter_context(locked(folder))
        stand = standings(steps, store)
        _announce(experiment, stand, say)
        done: dict[str, Finished] = {each.step.name: each.found for each in stand if each.found}
        for number, step in enumerate(steps, 1):
            if step.name in done:
                continue
            inputs = inputs_of(step, {name: done[name].mark for name in step.needs})
            found, _ = store.read(step, inputs)  # what it needs may have come out the same
            if not found:
                say(f"step {number} of {len(steps)}, {step.name}: {step.title}, {cost.text(cost.seconds(step.work))}")
                homes = {each.name: store.home(each) for each in steps if each.name in step.needs}
                outcomes = {name: done[name].outcome for name in step.needs}
                here = Here(store.prepare(step, inputs), outcomes, homes, choice.threads, choice.processes())
                found = _carry_out(step, here, store, inputs, say)
            done[step.name] = found
        return report.write(experiment, {step.name: done[step.name] for step in steps}, store.folder, choice.quick)


def _announce(experiment: Experiment, stand: list[Standing], say: Callable[[str], None]) -> None:
    waiting = [each for each in stand if not each.found]
    say(f"{experiment.of}, {experiment.title}: {len(stand) - len(waiting)} of {len(stand)} steps are finished")
    for each in waiting:
        if each.why != NOT_YET:
            say(f"  to be done: {each.step.name}: {each.why}")
    if waiting:
        source = "what finished steps took here" if len(waiting) < len(stand) else f"the rates of {cost.REFERENCE}"
        say(f"  what is left takes {cost.text(left(stand))} by {source}; ctrl-C stops it, the same command goes on")


def _carry_out(step: Step, here: Here, store: Store, inputs: Mapping[str, Any], say: Callable[[str], None]) -> Finished:
    """Do a step's work, and keep what it gives before anything is said of it."""
    began = time.monotonic() - store.spent(step)  # earlier tries count: a training goes on
    try:
        outcome = step.do(here)
    except (KeyboardInterrupt, StoppedError):
        store.spend(step, time.monotonic() - began)
        say(f"stopped in the step {step.name}: the steps before it are kept")
        raise
    except OSError as error:
        raise DactylError(f"the step {step.name}: {error}") from error
    if not outcome:
        raise DactylError(f"the step {step.name} gave nothing")
    taken = time.monotonic() - began
    kept = store.write(step, inputs, outcome, taken)
    say(f"  {step.name} took {duration(taken)}")
    return kept
