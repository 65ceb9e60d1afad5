"""What an experiment is, as data: its steps with their costs, and a report that is made of their results alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from dactyl.errors import DactylError

Results = Mapping[str, Mapping[str, Any]]
"""What steps gave, by their names: plain JSON values, where NaN is None."""


class StoppedError(Exception):
    """A signal ended a step; what it says is the signal's name. Steps that were finished before are kept."""


@dataclass(frozen=True)
class Size:
    """What a plan may depend on beside the experiment itself."""

    quick: bool = False
    """So small that it ends in minutes and its figures mean nothing: it shows that everything runs."""
    cores: int = 2
    """Of the machine."""


@dataclass(frozen=True)
class Here:
    """What a step is given to work with."""

    folder: Path
    """Its own, for what is too large for its results. It is as an interrupted try left it, unless inputs changed."""
    found: Results
    """Of the steps that it needs."""
    folders: Mapping[str, Path]
    """Theirs."""
    threads: int = 0
    """Of the CPU, 0 for all cores."""
    workers: int = 1
    """Processes that train together."""

    def file(self, step: str, key: str) -> Path:
        """A file that another step left in its folder and named in its results.

        Raises:
            DactylError: it is gone.
        """
        path = self.folders[step] / str(self.found[step][key])
        if not path.is_file():
            home = self.folders[step]
            raise DactylError(f"the step {step} is finished but its file {path} is gone: remove {home} and {home}.json")
        return path


@dataclass(frozen=True)
class Step:
    """One part of an experiment: it is finished as a whole, or begun again."""

    name: str
    """Also its file's: letters, digits and dashes."""
    title: str
    do: Callable[[Here], Mapping[str, Any]]
    """Its work. Returns the results, which JSON can hold."""
    work: Mapping[str, float]
    """How much there is of each kind in `cost.RATES`."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """All that decides its results but for files, other steps and the code, in JSON's types."""
    files: tuple[Path, ...] = ()
    """Whose content decides its results."""
    needs: tuple[str, ...] = ()
    """Steps before it whose results it uses."""
    version: int = 1
    """Of its code: raised when the same inputs give other results."""
    owner: str = ""
    """The experiment in whose folder it is kept, where another one shares it; empty: this one."""


@dataclass(frozen=True)
class Row:
    """One claim: the paper's words or numbers, and ours."""

    what: str
    paper: str
    ours: str
    differs: str = ""
    """What makes the two no equals."""


@dataclass(frozen=True)
class Experiment:
    """One table, figure or claim of the paper."""

    name: str
    of: str
    """Where it is in the paper."""
    title: str
    plan: Callable[[Size], tuple[Step, ...]]
    rows: Callable[[Results], list[Row]]
    """Of the results of all steps; the paper's numbers are in it."""
    draw: Callable[[Results, Figure], None]
    differs: tuple[str, ...] = ()
    """What differs from the paper in all of it, a sentence each."""
    pictures: Mapping[str, Callable[[Results, Path], None]] = field(default_factory=dict)
    """More pictures, by their files' names."""
    figure_size: tuple[float, float] = (9.0, 6.0)
    """Inches."""


def check_plan(experiment: Experiment, steps: tuple[Step, ...]) -> None:
    """Refuse a plan that cannot be carried out in its order.

    Raises:
        DactylError: a name is there twice or no file's, or a step needs what does not come before it.
    """
    done: set[str] = set()
    for step in steps:
        if step.name in done or not step.name or not step.name.replace("-", "").isalnum():
            raise DactylError(f"experiment {experiment.name}: {step.name!r} cannot be a step's name, or is there twice")
        if missing := set(step.needs) - done:
            raise DactylError(f"experiment {experiment.name}: {step.name} needs {min(missing)}, which comes later")
        done.add(step.name)
