"""Where finished steps are kept: a file each, in the one shape of results, beside a folder for what is large.

ROOT/table-4/train-all.json      what the step gave, what it was given, how long it took
             train-all/          its folder: checkpoints, recordings
ROOT/table-4-quick/…             the same of the quick form
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dactyl import results
from dactyl.errors import DactylError
from dactyl.reproduction.experiment import Step
from dactyl.reproduction.inputs import difference
from dactyl.storage.digests import digest
from dactyl.storage.files import write_atomically

SPENT = "spent.txt"
"""In a step's folder: s that interrupted tries took."""
MARK = "inputs.json"
"""In a step's folder: what its content was made from."""
NOT_YET = "not run yet"
MOST = 1e15
"""Seconds, or work, that a step can have taken: a sum of them is still a number."""


@dataclass(frozen=True)
class Finished:
    """A finished step."""

    inputs: Mapping[str, Any]
    outcome: Mapping[str, Any]
    seconds: float
    work: Mapping[str, float]
    commit: str | None
    machine: Mapping[str, Any]

    @property
    def mark(self) -> str:
        """Another one wherever it was made from other inputs, or came out otherwise."""
        return digest([dict(self.inputs), dict(self.outcome)])

    def as_json(self) -> dict[str, Any]:
        """For a file that holds many."""
        return dict(vars(self))


class Store:
    """The steps of one experiment, of one size."""

    def __init__(self, root: Path, experiment: str, quick: bool) -> None:
        self._root, self._experiment, self._suffix = root, experiment, "-quick" if quick else ""
        self.folder = self._of(experiment)

    def _of(self, experiment: str) -> Path:
        return self._root / f"{experiment}{self._suffix}"

    def folders(self, steps: Iterable[Step]) -> list[Path]:
        """Of all experiments that these steps belong to."""
        return sorted({self.home(step).parent for step in steps} | {self.folder})

    def home(self, step: Step) -> Path:
        """A step's folder."""
        return self._of(step.owner or self._experiment) / step.name

    def file(self, step: Step) -> Path:
        """A step's results."""
        home = self.home(step)
        return home.with_name(f"{home.name}.json")

    def read(self, step: Step, inputs: Mapping[str, Any]) -> tuple[Finished | None, str]:
        """A finished step, if it still stands; else why it does not."""
        path = self.file(step)
        try:
            found = finished(json.loads(path.read_text()))
        except FileNotFoundError:
            return None, NOT_YET
        except OSError as error:
            return None, f"its results {path} cannot be read: {error.strerror or error}"
        except DAMAGED:
            return None, f"its results {path} are damaged"
        changed = difference(found.inputs, inputs)
        return (None, changed) if changed else (found, "")

    def write(self, step: Step, inputs: Mapping[str, Any], outcome: Mapping[str, Any], seconds: float) -> Finished:
        """Keep what a step gave, and read it as it will be read later.

        Raises:
            DactylError: it cannot be written.
        """
        what = {"step": step.name, "inputs": inputs, "seconds": seconds, "work": dict(step.work), "outcome": outcome}
        path = self.file(step)
        results.write(path, f"reproduce {step.owner or self._experiment}", None, what)
        return finished(json.loads(path.read_text()))

    def prepare(self, step: Step, inputs: Mapping[str, Any]) -> Path:
        """A step's folder, for an interrupted try's work to go on; what was made from other inputs is put aside.

        Results that do not stand go too: were their inputs to come back, they would stand beside another try's files.

        Raises:
            DactylError: it cannot be made.
        """
        home, text = self.home(step), json.dumps(inputs, indent=1, sort_keys=True)
        mark = home / MARK
        try:
            if self.file(step).exists():
                self.file(step).replace(home.with_name(f"{home.name}.before.json"))
            if home.exists() and not (mark.is_file() and mark.read_bytes() == text.encode()):
                aside = home.with_name(f"{home.name}.before")
                shutil.rmtree(aside, ignore_errors=True)
                home.rename(aside)
            home.mkdir(parents=True, exist_ok=True)
            write_atomically(mark, text)
        except OSError as error:
            raise DactylError(f"cannot write to {home}: {error.strerror or error}") from error
        return home

    def spent(self, step: Step) -> float:
        """s that interrupted tries took, as far as it is known."""
        try:
            return max(0.0, float((self.home(step) / SPENT).read_text()))
        except (OSError, ValueError):
            return 0.0

    def spend(self, step: Step, seconds: float) -> None:
        """Keep what an interrupted try, and those before it, took; it is no matter if that cannot be written."""
        with suppress(OSError):
            (self.home(step) / SPENT).write_text(f"{seconds:.1f}\n")


DAMAGED = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError)
"""What reading a file that is no step's raises."""


def finished(document: Mapping[str, Any]) -> Finished:
    """A step's file as it was read; one of `DAMAGED` where it is none."""
    kept, machine, commit = document["results"], dict(document["machine"]), document["commit"]
    seconds = _amount(kept["seconds"])
    work = {str(kind): _amount(amount) for kind, amount in kept["work"].items()}
    outcome, inputs = dict(kept["outcome"]), dict(kept["inputs"])
    if not outcome:
        raise ValueError("no outcome")
    machine["gpus"] = [str(gpu) for gpu in machine.get("gpus") or []]
    return Finished(inputs, outcome, seconds, work, None if commit is None else str(commit), machine)


def _amount(value: Any) -> float:
    amount = float(value)
    if not 0.0 <= amount < MOST:
        raise ValueError(f"{amount} is no amount")
    return amount
