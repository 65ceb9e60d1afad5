"""Figure 10: the same training on more workers, with a batch as many times as large (section 6.5)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from typing import Any

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


def workers(size: Size) -> list[int]:
    """1, 2, 4, … as far as the machine's cores go; two at least, to be compared."""
    most = max(2, workers_for(size.cores))
    return [2**power for power in range(most.bit_length())]


def _trained(preset: Mapping[str, Any], number: int, minutes: float) -> Callable[[Here], dict[str, Any]]:
    def do(here: Here) -> dict[str, Any]:
        # the clock counts, so that an interrupted try cannot go on
        shutil.rmtree(here.folder / "training", ignore_errors=True)
        return training.train(here, preset, minutes=minutes, workers=number)

    return do


def plan(size: Size) -> tuple[Step, ...]:
    """The same time for each number of workers."""
    minutes = 0.2 if size.quick else MINUTES
    steps = []
    for number in workers(size):
        preset = recipes.teacher(STEPS, num_envs=NUM_ENVS * number, minibatch=MINIBATCH * number, quick=size.quick)
        preset["stages"] = [{"ppo": preset["stages"][0]["ppo"]}]
        preset["total_steps"] = STEPS
        steps.append(
            Step(
                f"workers-{number}", f"{minutes:g} minutes with {number} workers", _trained(preset, number, minutes),
                {"seconds": 60.0 * minutes}, settings={"preset": preset, "workers": number, "minutes": minutes},
            )
        )  # fmt: skip
    return tuple(steps)


def numbers(results: Results) -> list[int]:
    """Of workers, that were tried."""
    return sorted(int(name.removeprefix("workers-")) for name in results)


def speed(curve: Mapping[str, Any]) -> float:
    """Environment steps per second of a training: the median of its iterations."""
    return float(np.median(np.array(curve["steps_per_s"], float)))


def rows(results: Results) -> list[Row]:
    """Steps per second, and hours to the same goals, each against one worker."""
    one = results["workers-1"]["curve"]
    wanted = training.level([results[f"workers-{number}"]["curve"] for number in numbers(results)])
    slow = training.reached(one, wanted)
    found = []
    for number in numbers(results):
        curve = results[f"workers-{number}"]["curve"]
        hours = training.reached(curve, wanted)
        ratio = "" if number == 1 or not hours > 0.0 else f", {slow / hours:.1f} times as soon as with one"
        ours = (
            f"{speed(curve):,.0f} environment steps/s ({speed(curve) / speed(one):.2f} times one worker's); "
            f"{wanted:.2f} goals a minute after {60.0 * hours:.1f} min{ratio}"
        )
        found.append(Row(f"{number} worker{'s' * (number > 1)}", "", ours))
    claims = (
        ("8 GPUs with 6,144 cores reach 20 goals in a row sooner than 1 GPU with 768", "5.5 times as soon"),
        ("16 GPUs reach 40 goals in a row sooner than 8", "1.8 times as soon"),
    )
    return [*(Row(what, paper, "see above: workers of one machine") for what, paper in claims), *found]


def draw(results: Results, figure: Figure) -> None:
    """Goals a minute against hours and against years, as in the paper; steps per second against workers."""
    by_time, by_experience, scale = figure.subplots(1, 3)
    for number in numbers(results):
        curve = results[f"workers-{number}"]["curve"]
        for axes, key in ((by_time, "hours"), (by_experience, "years")):
            axes.plot(
                np.array(curve[key], float), np.array(curve["goals_per_minute"], float), label=f"{number} workers"
            )
    for axes, label in ((by_time, "hours of training"), (by_experience, "simulated years")):
        axes.set_xlabel(label)
        axes.set_ylabel("goals per minute")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    speeds = [speed(results[f"workers-{number}"]["curve"]) for number in numbers(results)]
    scale.plot(numbers(results), speeds, "o-", label="here")
    scale.plot(numbers(results), [speeds[0] * number for number in numbers(results)], "k:", label="linear")
    scale.set_xlabel("workers")
    scale.set_ylabel("environment steps/s")
    scale.set_ylim(bottom=0.0)
    scale.legend(fontsize=8)


EXPERIMENT = Experiment(
    name="figure-10",
    of="Figure 10",
    title="scale",
    plan=plan,
    rows=rows,
    draw=draw,
    differs=(
        "Workers are processes on the cores of one machine; the paper has hundreds of machines and up to 32 GPUs.",
        "A teacher learns for half an hour without randomizations; the paper trains for tens of hours with all.",
    ),
    figure_size=(13.0, 4.0),
)
