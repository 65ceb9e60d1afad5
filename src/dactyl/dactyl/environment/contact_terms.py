"""Reward terms made of contact goals and object goals, for any task (Lin et al., section III-B, equations 1 to 4).

A task with stages needs no reward for each of them: its goal says which hands are engaged and where the object is to
be, and both change when a stage is reached. So the sum (1 - a) · r_A + a · r_B of equation 4 is what these terms are.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from array_api_compat import array_namespace

from dactyl.environment import stickers
from dactyl.environment.task import Transition
from dactyl.maths.quaternion import Array

FINGERS = 4
"""Fingertips of a hand. A robot has those of the left hand first; if it has only four they are the right hand's."""
ALPHA = BETA = 10.0
"""1/m, of the left and of the right hand in equation 1: half is earned at 10 cm. The paper does not say its values."""
GAMMA = 10.0
"""1/m, the same for the object's distance to its goal; the paper does not say its kernel."""

Engaged = Callable[[Transition], tuple[Array, Array]]
"""How far the left and the right hand are engaged, 0 or 1, (N,) each."""
RewardTerm = Callable[[Transition], Array]


def hands(fingertips: Array) -> tuple[Array | None, Array]:
    """Fingertips (…, F, 3) of the left hand, None where there is none, and of the right one, (…, 4, 3) each."""
    if fingertips.shape[-2] == FINGERS:
        return None, fingertips
    return fingertips[..., :FINGERS, :], fingertips[..., FINGERS : 2 * FINGERS, :]


def contact_goal(placement: str, engaged: Engaged, alpha: float = ALPHA, beta: float = BETA) -> RewardTerm:
    """Equation 1 over the hands that are engaged: a term, (N,), at most 4 for each of them.

    Args:
        placement: of the stickers, one of `stickers.PLACEMENTS`.
        engaged: says which hands count.
        alpha: 1/m, the left hand's scale.
        beta: 1/m, the right hand's.
    """
    return partial(_contact_goal, placement, engaged, alpha, beta)


def _contact_goal(placement: str, engaged: Engaged, alpha: float, beta: float, t: Transition) -> Array:
    signals = t.signals
    pose = signals["object_position"], signals["object_orientation"]
    tips = stickers.in_object_frame(signals["fingertips"], *pose)
    left, right = hands(tips)
    left_counts, right_counts = engaged(t)
    total = right_counts * stickers.contact(_stickers(placement, t, "right", tips), right, beta)
    if left is None:
        return total
    return total + left_counts * stickers.contact(_stickers(placement, t, "left", tips), left, alpha)


def _stickers(placement: str, t: Transition, hand: str, like: Array) -> Array:
    return stickers.place(placement, t.object, hand).like(like)


def object_goal(t: Transition, scale: float = GAMMA) -> Array:
    """(N,) nearness of the object to its goal, at most 1; the first of the task's errors is the distance, m."""
    return stickers.closeness(t.errors[:, 0], scale)


def stage_bonus(t: Transition) -> Array:
    """(N,) for a stage that is completed: 1 for the first, 2 for the second, and so on."""
    xp = array_namespace(t.errors)
    reached = xp.astype(t.reached, t.errors.dtype)
    return reached * (1.0 + xp.astype(t.signals["successes"], t.errors.dtype))


def lift(t: Transition, full: float = 0.1) -> Array:
    """(N,) how far the object is above its place of rest, 1 at `full` m and above; not the paper's."""
    rest = float(t.robot.workspace.rest[2]) + t.object.stands
    height = (t.signals["object_position"][:, 2] - rest) / full
    return array_namespace(height).clip(height, 0.0, 1.0)


def drop(t: Transition) -> Array:
    """(N,) 1 for an object that is lost; not the paper's."""
    return array_namespace(t.errors).astype(t.dropped, t.errors.dtype)


def action_change(t: Transition) -> Array:
    """(N,) sum of squared changes of the action; not the paper's."""
    change = t.action - t.previous_action
    return array_namespace(change).sum(change * change, axis=-1)
