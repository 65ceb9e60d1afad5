"""Goal poses by difficulty, how far the cube is from one, and where it is at first (the challenge's `move_cube`).

A goal is a position, m, and an orientation, (w, x, y, z), in the robot's frame, whose z is up: 7 numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import pi, sqrt

import numpy as np
from array_api_compat import array_namespace

from dactyl.environment.task import Signals, Task
from dactyl.environment.trial import TrialRules
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.maths.arrays import Constant
from dactyl.maths.quaternion import Array
from dactyl.maths.random import Draws, rotations
from dactyl.robot.robot import Robot
from dactyl.tasks.repose.rules import HALF, ReposeRules

Limits = tuple[float, float] | None
HOVER = HALF + 0.05
"""m, height of the one goal of difficulty 2."""
HIGHEST = 0.1  # m
LOWEST_TURNED = sqrt(3) * HALF
"""m; so high the cube does not reach into the table, however it is turned."""
_IDENTITY = Constant(np.array([1.0, 0.0, 0.0, 0.0]))
_QUARTER = sqrt(0.5)
_FACES = Constant(
    np.array(
        [
            [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [_QUARTER, _QUARTER, 0.0, 0.0],
            [_QUARTER, -_QUARTER, 0.0, 0.0], [_QUARTER, 0.0, _QUARTER, 0.0], [_QUARTER, 0.0, -_QUARTER, 0.0],
        ]
    )
)  # fmt: skip
"""(6, 4) orientations with each face up."""


def under(task: Task, rules: TrialRules) -> Task:
    """The task with the goals and starts of these rules: see `Task.by_rules`."""
    if not isinstance(rules, ReposeRules):
        raise DactylError(f"the task {task.name} has ReposeRules, not {type(rules).__name__}")
    return replace(task, draw_goal=drawer(rules), place=placer(rules))


def drawer(rules: ReposeRules) -> Callable[[Draws, int, Signals, Limits], Array]:
    """`draw` with these rules."""
    return partial(draw, rules)


def placer(rules: ReposeRules) -> Callable[[Draws, int, Array], Array]:
    """`place` with these rules."""
    return partial(place, rules)


def draw(rules: ReposeRules, draws: Draws, count: int, signals: Signals, limits: Limits) -> Array:
    """Goals (count, 7).

    With limits, rad, those that are judged by their orientation are turned by an angle between them from the present
    one; without, by what the rules allow. Those that are not, and those on the table, keep the present one.
    """
    position = _positions(rules, draws, count)
    xp = array_namespace(position)
    present = signals.get("object_orientation")
    if limits is None and rules.most_turned < pi:
        limits = (0.0, rules.most_turned)
    turned = rotations(draws, count, limits, present) if rules.difficulty == 4 else None
    if present is None:
        present = xp.broadcast_to(_IDENTITY.like(position), (count, 4))
    if rules.planar:
        present = quaternion.canonical(quaternion.multiply(_yaw(draws, count, limits), present))
    if turned is not None:
        present = xp.where(position[:, 2:] < LOWEST_TURNED, xp.astype(present, turned.dtype), turned)
    return xp.concat([position, xp.astype(present, position.dtype)], axis=-1)


def _positions(rules: ReposeRules, draws: Draws, count: int) -> Array:
    """(count, 3) m."""
    where = _in_disc(draws, count, rules.goal_radius)
    xp = array_namespace(where)
    if rules.difficulty == 2:
        where = 0.0 * where
    heights = {1: (HALF, HALF), 2: (HOVER, HOVER), 3: (HALF, HIGHEST), 4: (LOWEST_TURNED, HIGHEST)}
    height = draws.uniform(*heights[rules.difficulty], count, 1)
    if rules.on_table:
        height = xp.where(draws.uniform(0.0, 1.0, count, 1) < rules.on_table, HALF, height)
    return xp.concat([where, height], axis=-1)


def _in_disc(draws: Draws, count: int, radius: float) -> Array:
    """Points (count, 2), uniform in a disc about the origin, m."""
    away, angle = draws.uniform(0.0, 1.0, count, 1), draws.uniform(-pi, pi, count, 1)
    xp = array_namespace(away, angle)
    return radius * xp.sqrt(away) * xp.concat([xp.cos(angle), xp.sin(angle)], axis=-1)


def _yaw(draws: Draws, count: int, limits: Limits) -> Array:
    """Turns (count, 4) about the vertical: by any angle, or by one between limits to either side."""
    angle = draws.uniform(-1.0, 1.0, count, 1)
    xp = array_namespace(angle)
    if limits is None:
        angle = pi * angle
    else:
        size = limits[0] + (limits[1] - limits[0]) * xp.abs(angle)
        angle = xp.where(angle < 0.0, -size, size)
    return quaternion.from_rotation_vector(xp.concat([0.0 * angle, 0.0 * angle, angle], axis=-1))


def place(rules: ReposeRules, draws: Draws, count: int, rest: Array) -> Array:
    """Poses (count, 7) of the cube on the table about its place of rest: on a face, turned anyhow."""
    where, turn = _in_disc(draws, count, rules.start_radius), _yaw(draws, count, None)
    xp = array_namespace(where, rest)
    if rules.any_face:
        face = xp.clip(xp.floor(draws.uniform(0.0, 6.0, count)), 0.0, 5.0)
        turn = quaternion.multiply(turn, _FACES.like(turn)[xp.astype(face, xp.int64)])
    position = xp.concat([xp.astype(where, rest.dtype) + rest[:2], xp.broadcast_to(rest[2:3], (count, 1))], axis=-1)
    return xp.concat([position, xp.astype(turn, rest.dtype)], axis=-1)


def as_pose(goal: Array, robot: Robot) -> tuple[Array, Array]:
    """A goal (7,) as position and orientation."""
    return goal[:3], goal[3:]


def of_pose(position: Array, orientation: Array) -> Array:
    """The inverse, (..., 7)."""
    return array_namespace(position, orientation).concat([position, orientation], axis=-1)


def reached(_: Signals, end: Signals) -> Array:
    """The goals (count, 7) that are where the cube is in the end: see `Task.hindsight`."""
    return of_pose(end["object_position"], quaternion.canonical(end["object_orientation"]))


def errors(goal: Array, signals: Signals) -> Array:
    """Distance, m, and angle, rad, from the goal, (..., 2). NaN gives NaN, never a success."""
    offset = goal[..., :3] - signals["object_position"]
    xp = array_namespace(offset)
    distance = xp.sqrt(xp.sum(offset * offset, axis=-1))
    angle = quaternion.difference_angle(goal[..., 3:], signals["object_orientation"])
    return xp.stack([distance, angle], axis=-1)
