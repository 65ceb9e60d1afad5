"""Goals at the table, how far the object is from one, and where it is at first.

A goal is four numbers: where the object's centre is to be, m, robot frame, and the hand that is to hold it there: -1
the right one, 1 the left one, 0 both. As a pose, which goes through the graph, the hand is a quarter turn about the
vertical: to the left, to the right, or none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import sqrt

import numpy as np
from array_api_compat import array_namespace

from dactyl.environment.task import Signals, Task, Transition
from dactyl.environment.trial import TrialRules
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.maths.quaternion import Array
from dactyl.maths.random import Draws
from dactyl.robot.robot import Robot
from dactyl.tasks.tabletop.rules import TabletopRules

Limits = tuple[float, float] | None
Draw = Callable[[TabletopRules, Draws, int, Signals, Limits], Array]
USUAL = (0.48, 0.0)
"""m; where an object is taken to lie when nothing is known of it yet."""
MIDDLE = 0.05
"""m beyond the middle, on the other hand's side, where a hand holds what it hands over."""


def under(draw: Draw, task: Task, rules: TrialRules) -> Task:
    """The task with the goals and starts of these rules: see `Task.by_rules`."""
    if not isinstance(rules, TabletopRules):
        raise DactylError(f"the task {task.name} has TabletopRules, not {type(rules).__name__}")
    return replace(task, draw_goal=partial(draw, rules), place=partial(place, rules))


def for_one_hand(rules: TabletopRules, draws: Draws, count: int, signals: Signals, limits: Limits) -> Array:
    """Goals (count, 4) above the object, for the hand on whose side it lies (the paper's scripted choice)."""
    where = _above(rules, draws, count, signals)
    return _with_hand(where, _side_of(_object(draws, count, signals)))


def for_both_hands(rules: TabletopRules, draws: Draws, count: int, signals: Signals, limits: Limits) -> Array:
    """Goals (count, 4) above the object, for both hands."""
    where = _above(rules, draws, count, signals)
    return _with_hand(where, 0.0 * where[:, 0])


def for_one_after_the_other(rules: TabletopRules, draws: Draws, count: int, signals: Signals, limits: Limits) -> Array:
    """Goals (count, 4) of a handover: in the middle, held by the hand on whose side the object lay; then aside, there
    where the other hand holds it. The second follows when the first is reached (a = 1 in equation 4)."""
    present = _object(draws, count, signals)
    xp = array_namespace(present)
    offset = _spread(rules.goal_spread, draws, count)
    height = draws.uniform(*rules.goal_heights, count)
    first = _side_of(present)
    second = xp.zeros_like(first, dtype=xp.bool)
    if "successes" in signals and "goal" in signals:
        second = signals["successes"] > 0
        first = xp.where(second, xp.astype(signals["goal"][..., 3], first.dtype), first)
    hand = xp.where(second, -first, first)
    beside = xp.where(second, -rules.aside * first, -MIDDLE * first)
    ahead = USUAL[0] + offset[:, 0]
    return xp.stack([ahead, xp.astype(beside, ahead.dtype), height, xp.astype(hand, ahead.dtype)], axis=-1)


def _above(rules: TabletopRules, draws: Draws, count: int, signals: Signals) -> Array:
    """Places (count, 3) above the object, m."""
    offset, height = _spread(rules.goal_spread, draws, count), draws.uniform(*rules.goal_heights, count)
    xp = array_namespace(offset)
    level = xp.astype(_object(draws, count, signals), offset.dtype) + offset
    return xp.concat([level, height[:, None]], axis=-1)


def _object(draws: Draws, count: int, signals: Signals) -> Array:
    """Where the object is (count, 2), m."""
    if "object_position" in signals:
        return signals["object_position"][..., :2]
    nothing = draws.uniform(0.0, 0.0, count, 2)
    xp = array_namespace(nothing)
    return xp.stack([nothing[:, 0] + USUAL[0], nothing[:, 1] + USUAL[1]], axis=-1)


def _side_of(level: Array) -> Array:
    """(count,) 1 to the robot's left, -1 to its right and in the very middle."""
    xp = array_namespace(level)
    left = level[..., 1] > 0.0
    return xp.where(left, xp.ones_like(level[..., 1]), -xp.ones_like(level[..., 1]))


def _spread(most: float, draws: Draws, count: int) -> Array:
    return draws.uniform(-most, most, count, 2)


def _with_hand(where: Array, hand: Array) -> Array:
    xp = array_namespace(where)
    return xp.concat([where, xp.astype(hand, where.dtype)[:, None]], axis=-1)


def place(rules: TabletopRules, draws: Draws, count: int, rest: Array) -> Array:
    """Poses (count, 7) of the object on the table about its place of rest (7,), world frame."""
    level, yaw = _spread(rules.start_spread, draws, count), draws.uniform(-rules.start_yaw, rules.start_yaw, count, 1)
    coin = draws.uniform(-1.0, 1.0, count)
    xp = array_namespace(level, rest)
    signs = {"middle": 0.0 * coin, "left": xp.ones_like(coin), "right": -xp.ones_like(coin)}
    sign = signs.get(rules.side, xp.where(coin < 0.0, -xp.ones_like(coin), xp.ones_like(coin)))
    shift = xp.stack([level[:, 0], level[:, 1] + rules.aside * sign, 0.0 * sign], axis=-1)
    turn = quaternion.from_rotation_vector(xp.concat([0.0 * yaw, 0.0 * yaw, yaw], axis=-1))
    position = rest[:3] + xp.astype(shift, rest.dtype)
    return xp.concat([position, quaternion.multiply(xp.astype(turn, rest.dtype), rest[None, 3:])], axis=-1)


def as_pose(goal: Array, robot: Robot) -> tuple[Array, Array]:
    """A goal (4,) as position and orientation: see the top of this file."""
    half = sqrt(0.5)
    turns = {0: [1.0, 0.0, 0.0, 0.0], 1: [half, 0.0, 0.0, half], -1: [half, 0.0, 0.0, -half]}
    return goal[:3], np.array(turns[round(float(goal[3]))])


def of_pose(position: Array, orientation: Array) -> Array:
    """The inverse, (..., 4): the sine of the turn about the vertical."""
    xp = array_namespace(position, orientation)
    hand = 2.0 * orientation[..., 0] * orientation[..., 3]
    return xp.concat([position, hand[..., None]], axis=-1)


def reached_by_one_hand(start: Signals, end: Signals) -> Array:
    """The goals (count, 4) where the object is in the end, for the hand on whose side it lay: see `Task.hindsight`."""
    return _with_hand(end["object_position"], _side_of(start["object_position"][..., :2]))


def reached_by_both_hands(_: Signals, end: Signals) -> Array:
    """The same for both hands."""
    return _with_hand(end["object_position"], 0.0 * end["object_position"][:, 0])


def reached_by_one_after_the_other(start: Signals, end: Signals) -> Array:
    """The same for a handover: what ends aside is held by the hand there, what ends in the middle by the hand on whose
    side it lay."""
    lay, lies = start["object_position"][..., :2], end["object_position"][..., :2]
    xp = array_namespace(lay, lies)
    aside = xp.abs(lies[..., 1]) > 2.0 * MIDDLE
    return _with_hand(end["object_position"], xp.where(aside, _side_of(lies), _side_of(lay)))


def errors(goal: Array, signals: Signals) -> Array:
    """Distance from the goal, m, (..., 1). NaN gives NaN, never a success."""
    offset = goal[..., :3] - signals["object_position"]
    xp = array_namespace(offset)
    return xp.sqrt(xp.sum(offset * offset, axis=-1, keepdims=True))


def engaged(t: Transition) -> tuple[Array, Array]:
    """Whether the left and the right hand are to touch the object, 0 or 1, (N,) each: those that the goal names."""
    hand = t.signals["goal"][:, 3]
    xp = array_namespace(hand)
    return xp.astype(hand > -0.5, hand.dtype), xp.astype(hand < 0.5, hand.dtype)
