"""A task of its own: the object slides to one point after another. Its goals are points, its errors distances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace

from dactyl.environment.task import Signals, Task, Term, Transition, fixed
from dactyl.environment.trial import TrialRules
from dactyl.maths.quaternion import Array
from dactyl.maths.random import Draws
from dactyl.objects.object import Object
from dactyl.robot.robot import Robot

REACH = 0.05  # m of goals and starts from the middle


@dataclass(frozen=True, kw_only=True)
class SlideRules(TrialRules):
    """A goal is reached within some distance."""

    tolerance: float = 0.02
    """m"""
    timeout: float = 5.0
    max_successes: int = 3

    @property
    def tolerances(self) -> tuple[float, ...]:
        return (self.tolerance,)


def draw_goal(draws: Draws, count: int, signals: Signals, limits: tuple[float, float] | None) -> Array:
    """Points (count, 2), m."""
    return draws.uniform(-REACH, REACH, count, 2)


def goal_pose(goal: Array, robot: Robot) -> tuple[Array, Array]:
    return np.array([*goal, robot.workspace.rest[2]]), np.array([1.0, 0.0, 0.0, 0.0])


def place(draws: Draws, count: int, rest: Array) -> Array:
    where = draws.uniform(-REACH, REACH, count, 2)
    xp = array_namespace(where, rest)
    others = xp.broadcast_to(rest[2:], (count, 5))
    return xp.concat([xp.astype(where, rest.dtype) + rest[:2], others], axis=-1)


def errors(goal: Array, signals: Signals) -> Array:
    """Distance, m, (..., 1)."""
    offset = _to_goal({**signals, "goal": goal}, None)
    xp = array_namespace(offset)
    return xp.sqrt(xp.sum(offset * offset, axis=-1, keepdims=True))


def lost(position: Array, robot: Robot, up: Array) -> Array:
    xp = array_namespace(position)
    offset = position - robot.rest.like(position)
    distance = xp.sqrt(xp.sum(offset * offset, axis=-1))
    return ~((offset[..., 2] > -robot.workspace.depth) & (distance < robot.workspace.radius))


def _to_goal(signals: Signals, _: Object | None) -> Array:
    return signals["goal"] - signals["object_position"][..., :2]


def progress(t: Transition) -> Array:
    """(N,) m nearer to the goal."""
    return t.errors_before[:, 0] - t.errors[:, 0]


def success(t: Transition) -> Array:
    """(N,) 1 for a goal."""
    return t.reached.float()


TASK = Task(
    name="slide",
    title="sliding",
    objects=("block",),
    draw_goal=draw_goal,
    goal_pose=goal_pose,
    goal_of_pose=lambda position, orientation: position[..., :2],
    place=place,
    errors=errors,
    error_names=("distance, m",),
    lost=lost,
    rules=SlideRules(),
    training_rules=SlideRules(timeout=4.0),
    observations={
        "to_goal": Term(_to_goal, fixed(2), ("goal", "object_position")),
        "where": Term(lambda signals, _: signals["object_position"], fixed(3), ("object_position",)),
        "speed": Term(lambda signals, _: signals["object_velocity"], fixed(3), ("object_velocity",)),
    },
    policy_terms=("to_goal", "where"),
    value_terms=("to_goal", "where", "speed"),
    rewards={"progress": progress, "success": success},
    reward={"progress": 20.0, "success": 2.0},
)
