"""Lin et al., Table III: generalists that see depth and the object's position, depth alone, and the position alone.

They learn from the same demonstrations, in which the shipped specialist acts under Table IV: its trials that succeeded,
with what a camera on the head saw besides. They are judged under Table IV too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, NamedTuple

import torch
from matplotlib.figure import Figure

from dactyl.environment.environment import Environment
from dactyl.environment.task import load
from dactyl.learning import demonstrations, evaluation, imitation
from dactyl.learning.imitation import ImitationConfig
from dactyl.learning.models.diffusion import DiffusionArchitecture
from dactyl.learning.policy import Policy
from dactyl.reproduction import grasping, pictures, probe, worlds
from dactyl.reproduction.experiment import Experiment, Here, Results, Row, Size, Step, StoppedError
from dactyl.reproduction.grasping import ROBOT, TASK
from dactyl.robot import robot as robots
from dactyl.storage import models
from dactyl.storage.shared import shared

MODEL = "models/gr1-right-grasp-and-reach"
EYE = "depth_small"
ENVIRONMENTS, STEPS = 100, 1500
"""Of the demonstrations: side by side, control steps of each."""
BATCHES, BATCH, NOISES, TRIALS = 1500, 32, 4, 100
"""Of each training, rows of a batch, noises of each row; trials of each generalist and of the specialist."""
RATE, WARM_UP = 1e-3, 50
"""Ten times the paper's learning rate, which falls along a cosine: at 1e-4 4,000 batches taught nothing."""
FILE, POLICY = "demonstrations.safetensors", "policy.safetensors"


class Case(NamedTuple):
    """What a generalist sees beside the robot's joints and the goal."""

    title: str
    position: bool
    depth: bool
    paper: str
    """Its robot's pickups and successes in grasping."""


CASES: Mapping[str, Case] = {
    "both": Case("depth and position", position=True, depth=True, paper="10 and 10 of 10"),
    "depth": Case("depth alone", position=False, depth=True, paper="2 and 2 of 10"),
    "position": Case("position alone", position=True, depth=False, paper="not tried"),
}
"""By their steps' names."""
SPECIALIST = "specialist"


def config_of(case: Case, quick: bool) -> ImitationConfig:
    """How a generalist learns."""
    sees = tuple(name for name in load(TASK).policy_terms if case.position or name != "object_position")
    images = {EYE: robots.load(ROBOT).eyes[EYE].shape} if case.depth else {}
    if quick:
        small = DiffusionArchitecture(dense=(16,), features=8, channels=(8,), denoising=2, images=images)
        return ImitationConfig(policy=small, sees=sees, batches=3, batch=8)
    network = DiffusionArchitecture(images=images)
    return ImitationConfig(
        policy=network, sees=sees, batches=BATCHES, batch=BATCH, noises=NOISES, learning_rate=RATE, warm_up=WARM_UP,
        cosine=True,
    )  # fmt: skip


def _demonstrated(quick: bool) -> Step:
    """The step in which the specialist shows the task."""
    file, world = shared(MODEL, models.POLICY), grasping.world("all")
    environments, steps = (8, 100) if quick else (ENVIRONMENTS, STEPS)

    def do(here: Here) -> dict[str, Any]:
        policy = Policy.load(file)
        config = evaluation.environment_config(policy.contract, world.randomization)
        environment = Environment(replace(config, images=(EYE,)), environments, seed=0, threads=here.threads)
        found = demonstrations.collect(policy, environment, steps, 0, MODEL)
        demonstrations.save(here.folder / FILE, found)
        return {"file": FILE, "ended": found.about.ended, "kept": found.about.kept, "rows": len(found)}

    return Step(
        "demonstrations", f"the specialist shows the task in {environments} environments", do,
        {grasping.SEEING: float(environments * steps)},
        settings={"environments": environments, "steps": steps, "seed": 0, "eye": EYE, "world": world.settings()},
        files=(file,),
    )  # fmt: skip


def _trained(name: str, quick: bool) -> Step:
    """The step in which a generalist learns."""
    case = CASES[name]
    config = config_of(case, quick)

    def do(here: Here) -> dict[str, Any]:
        before = torch.get_num_threads()
        torch.set_num_threads(here.threads or before)
        try:
            outcome = imitation.train([here.file("demonstrations", "file")], here.folder / POLICY, config)
        finally:
            torch.set_num_threads(before)
        if outcome["ended"] != "done":
            raise StoppedError(outcome["ended"])
        return {**outcome, "policy": POLICY}

    return Step(
        f"train-{name}", f"a generalist learns: {case.title}", do,
        {"batches with images" if case.depth else "batches": float(config.batches)},
        settings={"config": json.loads(json.dumps(asdict(config)))},  # in JSON's types
        needs=("demonstrations",),
    )  # fmt: skip


def plan(size: Size) -> tuple[Step, ...]:
    """The demonstrations, then each generalist and what it does, and the specialist beside them."""
    steps, trials = [_demonstrated(size.quick)], worlds.trials_of(TRIALS, size.quick)
    for name in CASES:
        train = _trained(name, size.quick)
        steps += (train, grasping.judged(name, train.name, grasping.world("all"), trials, work=grasping.SEEING))
    file = shared(MODEL, models.POLICY)
    return (*steps, grasping.judged(SPECIALIST, file, grasping.world("all"), trials))


def pickups(summary: Mapping[str, Any]) -> int:
    """Of an evaluation's trials, how many took the object up."""
    return sum(count > 0 for count in summary["counts"]["grasps"]["trials"])


def _said(summary: Mapping[str, Any]) -> str:
    share, low, high = probe.reached(summary)
    return (
        f"{pickups(summary)} picked up and {sum(goals > 0 for goals in summary['sorted'])} brought to the goal, of "
        f"{len(summary['sorted'])} ({share:.0%}, {low:.0%} … {high:.0%})"
    )


def rows(results: Results) -> list[Row]:
    """Every generalist, the claim, and the specialist that they learned from."""
    differs = "Table IV in place of the robot"
    found = [
        Row(f"grasping by {case.title}: picked up and succeeded", case.paper, _said(results[name]), differs)
        for name, case in CASES.items()
    ]
    both, depth = (probe.reached(results[name]) for name in ("both", "depth"))
    said = f"{both[0]:.0%} against {depth[0]:.0%}"
    verdict = "yes" if both[1] > depth[2] else "no" if depth[1] > both[2] else "not clear, intervals overlap"
    shown = results["demonstrations"]
    return [
        *found,
        Row("depth and position do better than depth alone", "yes", f"{verdict}: {said}", differs),
        Row(
            "the specialist that they learned from, which sees the position", "",
            f"{_said(results[SPECIALIST])}; {shown['kept']} of {shown['ended']} demonstrations were kept",
        ),
    ]  # fmt: skip


def draw(results: Results, figure: Figure) -> None:
    """Pickups and goals."""
    titles = {**{name: case.title for name, case in CASES.items()}, SPECIALIST: "the specialist"}
    labels, values = [], []
    for name, title in titles.items():
        summary = results[name]
        trials = len(summary["sorted"])
        labels += [f"{title}: picked up", f"{title}: at the goal"]
        values += [100.0 * pickups(summary) / trials, 100.0 * probe.reached(summary)[0]]
    pictures.bars(figure.subplots(), labels, values, "% of the trials under Table IV")


EXPERIMENT = Experiment(
    name="depth-and-position",
    of="Lin et al., Table III",
    title="what a generalist sees of the object",
    plan=plan,
    rows=rows,
    draw=draw,
    differs=(
        "It is another paper's claim (arXiv:2502.20396), of the GR1; grasping alone of its three tasks.",
        "One specialist, which learned with three objects, shows the task with a cylinder; theirs are many.",
        "Depth images have 48 × 36 pixels, cast by rays, of the object alone, and without noise.",
        "The position has Table IV's noise of 2 cm in each direction, new in every step.",
        "They learn from demonstrations that succeeded, in 1,500 batches of 32 rows with 4 noises each.",
        "The learning rate begins at ten times the paper's and falls along a cosine.",
    ),
    figure_size=(8.0, 4.0),
)
