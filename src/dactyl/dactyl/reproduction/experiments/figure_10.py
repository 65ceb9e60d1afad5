"""Figure 10: the same training on more workers, with a batch as many times as large (section 6.5).

Here on processes of this machine that simulate and learn; `figure_10_ray` has rollout workers and an optimizer on Ray.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from dactyl.reproduction import recipes, training
from dactyl.reproduction.experiment import Experiment, Here, Results, Row, Size, Step
from dactyl.reproduction.sharing import workers_for

MINUTES = 30.0
NUM_ENVS, MINIBATCH = 256, 2048
"""Of one worker."""
STEPS = 10_000_000_000
"""More than fit in the time."""


class Way(NamedTuple):
    """How a training is shared."""

    step: str
    """In its steps' names, before the number."""
    title: str
    """Of one worker; more have an s."""
    on_ray: bool
    differs: tuple[str, ...]


TOGETHER = Way(
    "workers", "worker", False,
    ("Workers are processes on the cores of one machine; the paper has hundreds of machines and up to 32 GPUs.",),
)  # fmt: skip
APART = Way(
    "rollout-workers", "rollout worker", True,
    (
        "Rollout workers and the optimizer are Ray's actors on one machine; the paper has hundreds of machines.",
        "The optimizer takes a core too, which on two cores the second rollout worker has to share.",
    ),
)  # fmt: skip


def workers(size: Size) -> list[int]:
    """1, 2, 4, … as far as the machine's cores go; two at least, to be compared."""
    most = max(2, workers_for(size.cores))
    return [2**power for power in range(most.bit_length())]


def _trained(way: Way, preset: Mapping[str, Any], number: int, minutes: float) -> Callable[[Here], dict[str, Any]]:
    def do(here: Here) -> dict[str, Any]:
        # the clock counts, so that an interrupted try cannot go on
        shutil.rmtree(here.folder / "training", ignore_errors=True)
        if way.on_ray:
            return training.train(here, preset, minutes=minutes, workers=1, rollout_workers=number)
        return training.train(here, preset, minutes=minutes, workers=number)

    return do


def _plan(way: Way, size: Size) -> tuple[Step, ...]:
    """The same time for each number of workers."""
    minutes = 0.2 if size.quick else MINUTES
    steps = []
    for number in workers(size):
        preset = recipes.teacher(STEPS, num_envs=NUM_ENVS * number, minibatch=MINIBATCH * number, quick=size.quick)
        preset["stages"] = [{"ppo": preset["stages"][0]["ppo"]}]
        preset["total_steps"] = STEPS
        steps.append(
            Step(
                f"{way.step}-{number}", f"{minutes:g} minutes with {_named(way, number)}",
                _trained(way, preset, number, minutes), {"seconds": 60.0 * minutes},
                settings={"preset": preset, "workers": number, "minutes": minutes},
            )
        )  # fmt: skip
    return tuple(steps)


def _named(way: Way, number: int) -> str:
    return f"{number} {way.title}{'s' * (number > 1)}"


def _curves(way: Way, results: Results) -> dict[int, Mapping[str, Any]]:
    """By the number of workers, from few to many."""
    numbers = sorted(int(name.removeprefix(f"{way.step}-")) for name in results)
    return {number: results[f"{way.step}-{number}"]["curve"] for number in numbers}


def speed(curve: Mapping[str, Any]) -> float:
    """Environment steps per second of a training: the median of its iterations."""
    return float(np.median(np.array(curve["steps_per_s"], float)))


def _rows(way: Way, results: Results) -> list[Row]:
    """Steps per second, and hours to the same goals, each against one worker."""
    curves = _curves(way, results)
    one, wanted = curves[1], training.level(list(curves.values()))
    slow = training.reached(one, wanted)
    found = []
    for number, curve in curves.items():
        hours = training.reached(curve, wanted)
        ratio = "" if number == 1 or not hours > 0.0 else f", {slow / hours:.1f} times as soon as with one"
        ours = (
            f"{speed(curve):,.0f} environment steps/s ({speed(curve) / speed(one):.2f} times one worker's); "
            f"{wanted:.2f} goals a minute after {60.0 * hours:.1f} min{ratio}"
        )
        found.append(Row(_named(way, number), "", ours))
    claims = (
        ("8 GPUs with 6,144 cores reach 20 goals in a row sooner than 1 GPU with 768", "5.5 times as soon"),
        ("16 GPUs reach 40 goals in a row sooner than 8", "1.8 times as soon"),
    )
    return [*(Row(what, paper, "see below: workers of one machine") for what, paper in claims), *found]


def _draw(way: Way, results: Results, figure: Figure) -> None:
    """Goals a minute against hours and against years, as in the paper; steps per second against workers."""
    by_time, by_experience, scale = figure.subplots(1, 3)
    curves = _curves(way, results)
    for number, curve in curves.items():
        for axes, key in ((by_time, "hours"), (by_experience, "years")):
            axes.plot(
                np.array(curve[key], float), np.array(curve["goals_per_minute"], float), label=_named(way, number)
            )
    for axes, label in ((by_time, "hours of training"), (by_experience, "simulated years")):
        axes.set_xlabel(label)
        axes.set_ylabel("goals per minute")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    speeds = [speed(curve) for curve in curves.values()]
    scale.plot(list(curves), speeds, "o-", label="here")
    scale.plot(list(curves), [speeds[0] * number for number in curves], "k:", label="linear")
    scale.set_xlabel(f"{way.title}s")
    scale.set_ylabel("environment steps/s")
    scale.set_ylim(bottom=0.0)
    scale.legend(fontsize=8)


def experiment(name: str, of: str, way: Way) -> Experiment:
    """The figure with a training shared in this way."""
    return Experiment(
        name=name,
        of=of,
        title="scale",
        plan=partial(_plan, way),
        rows=partial(_rows, way),
        draw=partial(_draw, way),
        differs=(
            *way.differs,
            "A teacher learns for half an hour without randomizations; the paper trains for tens of hours with all.",
        ),
        figure_size=(13.0, 4.0),
    )


EXPERIMENT = experiment("figure-10", "Figure 10", TOGETHER)
