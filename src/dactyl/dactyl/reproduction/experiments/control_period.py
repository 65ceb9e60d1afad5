"""Appendix B.4: twice as many decisions, every 40 ms, increased training time and did not noticeably help.

Two teachers learn from nothing without randomizations: one decides every 80 ms, the other every 40 ms. Both get the
same simulated time, foresight and smoothing by the clock.
"""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from dactyl.reproduction import pictures, recipes, worlds
from dactyl.reproduction.experiment import Experiment, Results, Row, Size, Step
from dactyl.reproduction.steps import judged, trained

PERIODS = (0.08, 0.04)
STEPS = 8_000_000
"""Control steps of 80 ms."""
TRIALS = 100
SMOOTHING = 0.3
"""Of 80 ms, as in appendix C.1."""
SUBSTEP = 0.08 / 6
"""s of a physics step in training: the same for both."""


def named(period: float) -> str:
    """In steps' names."""
    return f"{round(1000.0 * period)}-ms"


def preset(period: float, quick: bool) -> dict[str, Any]:
    """A teacher's, whose rhythm alone differs: what is per step becomes what is per 80 ms."""
    share = period / worlds.PERIOD
    return recipes.teacher(
        round(STEPS / share),
        scene={"control_period": period},
        environment={"smoothing": 1.0 - (1.0 - SMOOTHING) ** share, "substeps": round(period / SUBSTEP)},
        gammas=(0.93**share, 0.98**share),
        lam=0.9**share,
        quick=quick,
    )


def plan(size: Size) -> tuple[Step, ...]:
    """Two trainings, each judged without randomizations."""
    steps: list[Step] = []
    for period in PERIODS:
        name = f"train-{named(period)}"
        title = f"training with a decision every {1000.0 * period:g} ms"
        steps.append(trained(name, title, preset(period, size.quick)))
        steps.append(judged(named(period), name, "none", TRIALS, size.quick))
    return tuple(steps)


def rows(results: Results) -> list[Row]:
    """Goals in a row of both, and their time of training."""
    found = [
        Row(
            f"a decision every {1000.0 * period:g} ms", "",
            f"{worlds.short(results[named(period)])}; trained for {results[f'train-{named(period)}']['hours']:.1f} h",
        )
        for period in PERIODS
    ]  # fmt: skip
    return [Row("40 ms instead of 80 ms", "longer training, no noticeable improvement", verdict(results)), *found]


def verdict(results: Results) -> str:
    """Whether the shorter period is better, by the intervals of the means."""
    slow, fast = (results[named(period)]["mean_interval_95"] for period in PERIODS)
    more = results["train-40-ms"]["hours"] / max(results["train-80-ms"]["hours"], 1e-9)
    better = "better" if fast[0] > slow[1] else "worse" if fast[1] < slow[0] else "no clear difference"
    return f"{better}, after {more:.1f} times the training time for the same simulated time"


def draw(results: Results, figure: Figure) -> None:
    """Curves of both trainings, and sorted trials."""
    learning, trials = figure.subplots(1, 2)
    curves = {f"{1000.0 * period:g} ms": results[f"train-{named(period)}"]["curve"] for period in PERIODS}
    pictures.training_curves(learning, curves, "years")
    pictures.sorted_trials(trials, {f"{1000.0 * period:g} ms": results[named(period)] for period in PERIODS}, {})


EXPERIMENT = Experiment(
    name="control-period",
    of="Appendix B.4",
    title="40 ms between decisions",
    plan=plan,
    rows=rows,
    draw=draw,
    differs=(
        "The paper speaks of its hand; here two teachers are compared in simulation, without randomizations.",
        "One seed each, and hours of two cores.",
        "Episodes begin with as many random actions in both: at 40 ms they last half as long.",
    ),
    figure_size=(11.0, 4.5),
)
