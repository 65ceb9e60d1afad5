"""Grasp and reach with the GR1's right arm: what Lin et al.'s Tables I to III and Figure 3 share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dactyl.environment.randomization import of_task, select
from dactyl.environment.task import load
from dactyl.learning import evaluation
from dactyl.learning.policy import Policy
from dactyl.reproduction import worlds
from dactyl.reproduction.experiment import Here, Step
from dactyl.reproduction.worlds import World

ROBOT, TASK = "gr1_right", "grasp_and_reach"
STEPS = 700_000
"""Control steps of a training: 25 minutes of one core."""
TRAINING, JUDGING, SEEING = "GR1 training steps", "GR1 evaluation steps", "GR1 steps seen"
"""Kinds of work in `cost.RATES`."""


def world(randomization: str = "none") -> World:
    """Without randomizations, as trainings are, or with all of Table IV."""
    return World(select(randomization, of_task(load(TASK))))


def steps_of(trials: int) -> float:
    """Control steps of so many trials."""
    return worlds.control_steps(trials, load(TASK).rules.timeout, ROBOT)


def settings(surroundings: World, trials: int) -> dict[str, Any]:
    """What decides a judgement's results, for a step."""
    return {"trials": trials, "seed": 0, "actions": "most likely", "world": surroundings.settings()}


def judge(
    here: Here, policy: Policy, surroundings: World, trials: int, calibration: str = "", on: str = ""
) -> Mapping[str, Any]:
    """Trials that begin at rest, by the most likely actions.

    Args:
        here: whose threads.
        policy: that is judged.
        surroundings: the world.
        trials: how many.
        calibration: a model calibration's file: another robot.
        on: another object than the policy's own.
    """
    config = evaluation.environment_config(policy.contract, surroundings.randomization, calibration, on=on)
    return worlds.judge_in(config, policy, trials, threads=here.threads, deterministic=True)


def judged(
    name: str,
    of: str | Path,
    surroundings: World,
    trials: int,
    *,
    hidden: tuple[str, str] | None = None,
    work: str = JUDGING,
) -> Step:
    """The step that judges a policy.

    Args:
        name: of the step.
        of: the step that trained the policy, or its file.
        surroundings: the world.
        trials: how many.
        hidden: a step and a key of its results: the calibration's file of the robot that it is judged on.
        work: the kind of its steps in `cost.RATES`.
    """

    def do(here: Here) -> Mapping[str, Any]:
        policy = Policy.load(of if isinstance(of, Path) else here.file(of, "policy"))
        return judge(here, policy, surroundings, trials, str(here.file(*hidden)) if hidden else "")

    files, trained = ((of,), ()) if isinstance(of, Path) else ((), (of,))
    where = " on the hidden robot" if hidden else ""
    return Step(
        name, f"{trials} trials of {of if trained else name}{where}", do, {work: steps_of(trials)},
        settings=settings(surroundings, trials), files=files, needs=(*((hidden[0],) if hidden else ()), *trained),
    )  # fmt: skip
