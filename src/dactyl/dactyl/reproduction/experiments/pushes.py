"""Lin et al., Figure 5: policies at the table while the object is pushed.

The paper shows pictures of a person who knocks, pulls, pushes and drags. Here pushes begin at random and fade, by the
rule of Table IV; how hard they are is what varies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dactyl.environment.randomization import of_task, select
from dactyl.environment.randomization.unmodeled_effects import NO_EFFECTS
from dactyl.environment.task import load
from dactyl.learning import evaluation
from dactyl.learning.policy import Policy
from dactyl.reproduction import probe, worlds
from dactyl.reproduction.experiment import Experiment, Here, Results, Row, Size, Step
from dactyl.storage import models
from dactyl.storage.shared import shared

TRIALS = 100
HARDEST = (0.0, 2.0, 4.0, 8.0, 16.0)
"""m/s², standard deviation along each axis of a push that begins; Table IV has 2."""


@dataclass(frozen=True)
class Pushed:
    """A policy that is pushed."""

    model: str
    title: str
    task: str
    robot: str


POLICIES: Mapping[str, Pushed] = {
    "grasp": Pushed("models/gr1-right-grasp-and-reach", "grasp and reach", "grasp_and_reach", "gr1_right"),
    "box": Pushed("models/gr1-box-lift", "box lift", "box_lift", "gr1"),
}
"""By the first part of their steps' names."""


def world(task: str, hardest: float) -> worlds.World:
    """No randomizations but pushes, as often and as lasting as the task's own."""
    own = of_task(load(task)).unmodeled_effects
    assert own is not None
    pushes = replace(
        NO_EFFECTS, force_acceleration=hardest, force_probability=own.force_probability, force_decay=own.force_decay
    )
    return worlds.World(replace(select("none", of_task(load(task))), unmodeled_effects=pushes))


def _name(policy: str, hardest: float) -> str:
    return f"{policy}-{hardest:g}"


def _judged(policy: str, hardest: float, quick: bool) -> Step:
    """The step that judges a policy with pushes so hard."""
    pushed, trials = POLICIES[policy], worlds.trials_of(TRIALS, quick)
    file, surroundings = shared(pushed.model, models.POLICY), world(pushed.task, hardest)

    def do(here: Here) -> dict[str, Any]:
        loaded = Policy.load(file)
        config = evaluation.environment_config(loaded.contract, surroundings.randomization)
        return worlds.judge_in(config, loaded, trials, threads=here.threads)

    steps = worlds.control_steps(trials, load(pushed.task).rules.timeout, pushed.robot)
    return Step(
        _name(policy, hardest), f"{trials} trials of {pushed.title}, pushes of {hardest:g} m/s²", do,
        {"GR1 evaluation steps": steps}, files=(file,),
        settings={"trials": trials, "seed": 0, "world": surroundings.settings()},
    )  # fmt: skip


def plan(size: Size) -> tuple[Step, ...]:
    """Every policy at every strength."""
    return tuple(_judged(policy, hardest, size.quick) for policy in POLICIES for hardest in HARDEST)


def rows(results: Results) -> list[Row]:
    """Every policy at every strength."""
    found = []
    for policy, pushed in POLICIES.items():
        for hardest in HARDEST:
            share, low, high = probe.reached(results[_name(policy, hardest)])
            what = f"{pushed.title}, pushes of {hardest:g} m/s²" if hardest else f"{pushed.title}, left alone"
            found.append(Row(what, "pictures without numbers", f"{share:.0%} ({low:.0%} … {high:.0%})"))
    return found


def draw(results: Results, figure: Figure) -> None:
    """Success against how hard pushes are."""
    axes = figure.subplots()
    for policy, pushed in POLICIES.items():
        found = 100.0 * np.array([probe.reached(results[_name(policy, hardest)]) for hardest in HARDEST])
        (line,) = axes.plot(HARDEST, found[:, 0], marker="o", label=pushed.title)
        axes.fill_between(HARDEST, found[:, 1], found[:, 2], color=line.get_color(), alpha=0.2)
    axes.set(xlabel="pushes, m/s²", ylabel="% of the goals reached", ylim=(0.0, 100.0))
    axes.grid(alpha=0.3)
    axes.legend()


EXPERIMENT = Experiment(
    name="pushes",
    of="Lin et al., Figure 5",
    title="pushes on the object",
    plan=plan,
    rows=rows,
    draw=draw,
    differs=(
        "It is another paper's claim (arXiv:2502.20396), of the GR1; theirs is shown on the robot, by hand.",
        "In each control step (0.2 s) a push of the object begins with probability 0.2. It is normally distributed "
        "along each axis, with the given deviation, and fades by 2 % a step until the next one takes its place.",
        "Nothing else is randomized, and these policies were trained without pushes.",
        "Trials left alone are other draws than those of the cards.",
    ),
    figure_size=(6.0, 4.0),
)
