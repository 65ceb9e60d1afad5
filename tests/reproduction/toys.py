"""An experiment of three steps that costs nothing and tells what was done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from dactyl.reproduction.engine import Choice
from dactyl.reproduction.experiment import Experiment, Here, Results, Row, Size, Step


class Toy:
    """first -> second -> third; `settings` of each, and `fails` by name, may be changed between runs."""

    def __init__(self, files: tuple[Path, ...] = ()) -> None:
        self.done: list[str] = []
        self.settings: dict[str, Any] = {"first": 1, "second": 2, "third": 3}
        self.versions = dict.fromkeys(self.settings, 1)
        self.fails: dict[str, BaseException] = {}
        self.files = files
        self.here: dict[str, Here] = {}

    def _work(self, name: str) -> Callable[[Here], Mapping[str, Any]]:
        def do(here: Here) -> Mapping[str, Any]:
            self.here[name] = here
            (here.folder / "tries.txt").open("a").write("x")
            if name in self.fails:
                raise self.fails[name]
            self.done.append(name)
            return {"value": self.settings[name], "of": {n: dict(found) for n, found in here.found.items()}}

        return do

    def plan(self, size: Size) -> tuple[Step, ...]:
        needs: dict[str, tuple[str, ...]] = {"first": (), "second": ("first",), "third": ()}
        return tuple(
            Step(
                name, f"the {name} step", self._work(name), {"seconds": 100.0},
                settings={"value": self.settings[name], "quick": size.quick}, needs=needs[name],
                files=self.files if name == "first" else (), version=self.versions[name],
            )
            for name in self.settings
        )  # fmt: skip

    def rows(self, results: Results) -> list[Row]:
        return [Row(f"what {name} gives", "7 | 8", str(results[name]["value"]), "all") for name in self.settings]

    def draw(self, results: Results, figure: Figure) -> None:
        figure.subplots().plot([results[name]["value"] for name in self.settings])

    def experiment(self, name: str = "toy") -> Experiment:
        return Experiment(name, "Table 0", "a toy", self.plan, self.rows, self.draw, ("It is a toy.",))


def choice(root: Path, **more: Any) -> Choice:
    """How it is carried out in a test."""
    return Choice(**{"root": root, "threads": 1, "workers": 1, **more})
