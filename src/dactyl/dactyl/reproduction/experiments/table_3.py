"""Table 3: goals in a row of the shipped policies, by the paper's protocol (section 6.2)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from dactyl.learning.policy import Policy
from dactyl.reproduction import pictures, worlds
from dactyl.reproduction.experiment import Experiment, Here, Results, Row, Size, Step
from dactyl.storage import models
from dactyl.vision.object_sensor import sensor_factory

TRIALS = 100
RENDERER = "opengl"
LOOKS = 197.0 / worlds.PERIOD
"""At the object in a trial, on average: models/block's evaluation ran 197 s a trial."""


class Case(NamedTuple):
    """A row of the table."""

    title: str
    model: str
    pose: str
    simulated: str
    """The paper's figures in simulation."""
    physical: str
    trials: tuple[int, ...]
    """The paper's ten on the hand."""


CASES = {
    "block": Case(
        "block (state)", "block", "state", "43.4 ± 13.8, median 50", "18.8 ± 17.1, median 13",
        (50, 41, 29, 27, 14, 12, 6, 4, 4, 1),
    ),
    "locked-wrist": Case(
        "block (state, locked wrist)", "block-locked-wrist", "state", "44.2 ± 13.4, median 50",
        "26.4 ± 13.4, median 28.5", (50, 43, 32, 29, 29, 28, 19, 13, 12, 9),
    ),
    "vision": Case(
        "block (vision)", "block", "vision", "30.0 ± 10.3, median 33", "15.2 ± 14.3, median 11.5",
        (46, 28, 26, 15, 13, 10, 8, 3, 2, 1),
    ),
    "prism": Case(
        "octagonal prism (state)", "octagonal-prism", "state", "29.0 ± 19.7, median 30", "7.8 ± 7.8, median 5",
        (27, 15, 8, 8, 5, 5, 4, 3, 2, 1),
    ),
}  # fmt: skip


def _files(case: Case) -> tuple[Path, ...]:
    policy = models.find(case.model) / models.POLICY
    return (policy,) if case.pose == "state" else (policy, models.estimator_for("block"))


def _judged(case: Case, quick: bool) -> Callable[[Here], dict[str, Any]]:
    def do(here: Here) -> dict[str, Any]:
        policy = Policy.load(_files(case)[0])
        sensor = sensor_factory(None, RENDERER, 0) if case.pose == "vision" else None
        trials = worlds.trials_of(TRIALS, quick)
        world = worlds.training_world("all")
        return worlds.judge(policy, world, trials, threads=here.threads, quick=quick, make_sensor=sensor)

    return do


def _work(case: Case, quick: bool) -> dict[str, float]:
    trials = worlds.trials_of(TRIALS, quick)
    looks = {"pictures": 3.0 * trials * (50 if quick else LOOKS)} if case.pose == "vision" else {}
    return worlds.work_of(trials, quick=quick) | looks


def plan(size: Size) -> tuple[Step, ...]:
    """One evaluation for each row."""
    return tuple(
        Step(
            name, f"{worlds.trials_of(TRIALS, size.quick)} trials of {case.title}", _judged(case, size.quick),
            _work(case, size.quick), files=_files(case),
            settings={
                "trials": worlds.trials_of(TRIALS, size.quick), "seed": 0, "pose": case.pose, "renderer": RENDERER,
                "world": worlds.training_world("all").settings(),
            },
        )
        for name, case in CASES.items()
    )  # fmt: skip


def rows(results: Results) -> list[Row]:
    """Simulation beside simulation; what the paper measured on its hand has nothing here to stand beside."""
    simulated = [
        Row(
            case.title, f"{case.simulated}, 100 trials", worlds.short(results[name]),
            "pictures of the renderer that the estimator was trained on; the paper's were of another one"
            if case.pose == "vision" else "",
        )
        for name, case in CASES.items()
    ]  # fmt: skip
    physical = [
        Row(f"{case.title}, on the hand", f"{case.physical}: {', '.join(map(str, case.trials))}", "no hand, no figure")
        for case in CASES.values()
    ]
    return [*simulated, *physical]


def draw(results: Results, figure: Figure) -> None:
    """Sorted trials of each row, and the paper's on its hand."""
    for axes, (name, case) in zip(figure.subplots(2, 2).flat, CASES.items(), strict=True):
        axes.set_title(case.title, fontsize=9)
        pictures.sorted_trials(axes, {"here, simulated": results[name]}, {"the paper's hand": case.trials})


EXPERIMENT = Experiment(
    name="table-3",
    of="Table 3",
    title="goals in a row",
    plan=plan,
    rows=rows,
    draw=draw,
    differs=(
        "The policies are the shipped ones, with less than a year of experience; the paper's had up to 100.",
        "The simulated world is harder than the paper's in joint sensors, backlash and gravity.",
    ),
    figure_size=(9.0, 7.0),
)
