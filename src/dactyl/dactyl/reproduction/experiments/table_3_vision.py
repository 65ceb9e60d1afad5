"""Table 3's row by vision: goals in a row where cameras see the block (section 6.2).

Here on pictures of the renderer that the estimator was trained on, which is fast; `table_3_held_out` has the other one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from dactyl.learning.policy import Policy
from dactyl.reproduction import pictures, worlds
from dactyl.reproduction.experiment import Experiment, Here, Results, Row, Size, Step
from dactyl.storage import models
from dactyl.vision.object_sensor import sensor_factory

TRIALS, TOGETHER = 100, 5
"""In all; in one step, for all of them take an hour."""
LOOKS = 197.0 / worlds.PERIOD
"""At the object in a trial, on average: models/block's evaluation ran 197 s a trial."""
SIMULATED = "30.0 ± 10.3, median 33, 100 trials"
PHYSICAL, PHYSICAL_TRIALS = "15.2 ± 14.3, median 11.5", (46, 28, 26, 15, 13, 10, 8, 3, 2, 1)


class Eyes(NamedTuple):
    """What the pictures are drawn by."""

    renderer: str
    """See `sensor_factory`."""
    work: str
    """Its kind in `cost.RATES`."""
    differs: str
    """From the paper's."""


TRAINED_ON = Eyes(
    "opengl", "pictures", "pictures of the renderer that the estimator was trained on; the paper's were of another one"
)
HELD_OUT = Eyes("held-out", "traced pictures", "the ray tracer, where the paper has MuJoCo's own pictures")


def _plan(eyes: Eyes, size: Size) -> tuple[Step, ...]:
    """100 trials, a few at a time: each part is kept."""
    policy, estimator = models.policy_for("block"), models.estimator_for("block")
    trials, world = 1 if size.quick else TOGETHER, worlds.training_world("all")  # tracing takes minutes for one

    def judged(seed: int) -> Callable[[Here], dict[str, Any]]:
        return lambda here: worlds.judge(
            Policy.load(policy), world, trials, seed=seed, threads=here.threads, quick=size.quick,
            make_sensor=sensor_factory(estimator, eyes.renderer, seed, processes=here.workers),
        )  # fmt: skip

    return tuple(
        Step(
            f"vision-{part}", f"{trials} trials of models/block by models/pose-block", judged(part - 1),
            worlds.work_of(trials, quick=size.quick) | {eyes.work: 3.0 * trials * (50 if size.quick else LOOKS)},
            settings={"trials": trials, "seed": part - 1, "renderer": eyes.renderer, "world": world.settings()},
            files=(policy, estimator),
        )
        for part in worlds.parts(TRIALS, TOGETHER, size.quick)
    )  # fmt: skip


def _rows(eyes: Eyes, results: Results) -> list[Row]:
    """Simulation beside simulation; what the paper measured on its hand has nothing here to stand beside."""
    return [
        Row("block (vision)", SIMULATED, worlds.short(worlds.together(results, "vision")), eyes.differs),
        Row(
            "block (vision), on the hand", f"{PHYSICAL}: {', '.join(map(str, PHYSICAL_TRIALS))}", "no hand, no figure"
        ),
    ]  # fmt: skip


def _draw(results: Results, figure: Figure) -> None:
    """Sorted trials, and the paper's on its hand."""
    ours = {"here, simulated": worlds.together(results, "vision")}
    pictures.sorted_trials(figure.subplots(), ours, {"the paper's hand": PHYSICAL_TRIALS})


def experiment(name: str, of: str, eyes: Eyes) -> Experiment:
    """The row with these eyes."""
    return Experiment(
        name=name,
        of=of,
        title="goals in a row where cameras see the block",
        plan=partial(_plan, eyes),
        rows=partial(_rows, eyes),
        draw=_draw,
        differs=(
            "The policy is the shipped one, which has never seen vision's errors in training.",
            "The simulated world is harder than the paper's in joint sensors, backlash and gravity.",
        ),
        figure_size=(6.0, 4.0),
    )


EXPERIMENT = experiment("table-3-vision", "Table 3, vision", TRAINED_ON)
