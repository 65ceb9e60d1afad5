"""All experiments with their state and cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from dactyl.errors import DactylError
from dactyl.reproduction import cost, report
from dactyl.reproduction.engine import Choice, standings
from dactyl.reproduction.experiment import Experiment, Size
from dactyl.reproduction.inputs import difference, inputs_of
from dactyl.reproduction.store import Finished, Store

PLAN = Size(quick=False, cores=2)
"""What stated costs are of, whatever machine says them."""


def stated(experiment: Experiment, quick: bool = False) -> str:
    """What an experiment costs on the machine that rates are stated for."""
    steps = experiment.plan(Size(quick, PLAN.cores))
    own = [step for step in steps if not step.owner]
    text = cost.text(sum(cost.seconds(step.work) for step in own))
    owners = sorted({step.owner for step in steps if step.owner})
    return text + (f", after {', '.join(owners)}" if owners else "")


def outdated(experiment: Experiment, shipped: Mapping[str, Finished]) -> str:
    """What has changed since a full result was shipped: the first step that would be done again; empty where none is.

    Raises:
        DactylError: a file that a step is made from cannot be read.
    """
    marks = {name: step.mark for name, step in shipped.items()}
    for step in experiment.plan(PLAN):
        if step.name not in shipped:
            return f"it lacks {step.name}"
        if changed := difference(shipped[step.name].inputs, inputs_of(step, marks)):
            return f"in {step.name}, {changed}"
    return ""


def as_text(experiments: Iterable[Experiment], choice: Choice, docs: Path) -> str:
    """A line for each: name, place in the paper, cost, state."""
    lines = [("name", "of the paper", f"cost on {cost.REFERENCE}", "state")]
    lines += [(each.name, each.of, stated(each, choice.quick), _state(each, choice, docs)) for each in experiments]
    widths = [max(map(len, column)) + 2 for column in zip(*lines, strict=True)]
    return "\n".join(
        "".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _state(experiment: Experiment, choice: Choice, docs: Path) -> str:
    """Shipped, with machine and commit; and what of it is done here."""
    parts = []
    if (shipped := docs / experiment.name / report.RESULT).exists():
        try:
            steps, _ = report.read(shipped)
            older = outdated(experiment, steps)
            parts.append(f"shipped: {report.provenance(steps)}" + (f" (outdated: {older})" if older else ""))
        except DactylError as error:
            parts.append(str(error))
    try:
        found = standings(experiment.plan(choice.size()), Store(choice.root, experiment.name, choice.quick))
    except DactylError as error:
        return "; ".join([*parts, str(error)])
    done = sum(each.found is not None for each in found)
    if done:
        parts.append(f"{done} of {len(found)} steps done in {choice.root}")
    return "; ".join(parts) or "nothing yet"
