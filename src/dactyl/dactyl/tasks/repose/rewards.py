"""Reward terms of the paper's public code (IsaacGymEnvs, `trifinger.py`), one function each, in plain units.

R-KP is `keypoints`, R-PQ `position` and `rotation`. There a term is multiplied by its weight, the poses' also by the
control step's 0.02 s, and all by 0.01 for PPO: the weights here have all of that in them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dactyl.environment.task import Signals, Transition
from dactyl.maths.kernels import logistic
from dactyl.tasks.repose.keypoints import corners

if TYPE_CHECKING:  # the trial node loads the task and needs no torch
    from torch import Tensor

REMEMBERED = ("fingertips", "object_position")
"""Signals that the terms look at before the step, too."""
PAPER_REWARD: dict[str, float] = {"keypoints": 0.4, "reach": -2.5, "fingertip_speed": -0.005}
"""R-KP: 2000 x 0.02 x 0.01; -250 x 0.01, in the paper for the first 5e7 steps only; -0.5 x 0.01."""
KEYPOINT_SCALE = 30.0  # 1/m
FINE_KEYPOINT_SCALE = 100.0  # 1/m: at a goal's 2 cm or 22 degrees a cube of 65 mm has about half of the highest
POSITION_SCALE = 50.0  # 1/m


def keypoints(t: Transition) -> Tensor:
    """(N,) mean over the corners of a logistic kernel of their distance to the goal's; 1/4 on target (R-KP)."""
    near: Tensor = logistic(KEYPOINT_SCALE * _off(t))
    return near.mean(-1)


def fine_keypoints(t: Transition) -> Tensor:
    """(N,) as `keypoints`, with a kernel that tells a goal from what is nearly one; not the paper's."""
    near: Tensor = logistic(FINE_KEYPOINT_SCALE * _off(t))
    return near.mean(-1)


def position(t: Transition) -> Tensor:
    """(N,) logistic kernel of the distance to the goal; 1/4 on target (R-PQ)."""
    near: Tensor = logistic(POSITION_SCALE * t.errors[:, 0])
    return near


def rotation(t: Transition) -> Tensor:
    """(N,) 1 / (3 angle + 0.01), 1/rad (R-PQ)."""
    nearness: Tensor = 1.0 / (3.0 * t.errors[:, 1] + 0.01)
    return nearness


def reach(t: Transition) -> Tensor:
    """(N,) m by which the fingertips' distances to the object's centre have grown in the step, added up."""
    return _gaps(t.signals).sum(-1) - _gaps(t.before).sum(-1)


def fingertip_speed(t: Transition) -> Tensor:
    """(N,) m²/s², squared speeds of the fingertips over the step, added up."""
    moved: Tensor = t.signals["fingertips"] - t.before["fingertips"]
    return (moved / t.robot.timing.control).square().sum((-2, -1))


def action_change(t: Transition) -> Tensor:
    """(N,) sum of squared changes of the action; not the paper's."""
    change: Tensor = t.action - t.previous_action
    return change.square().sum(-1)


def success(t: Transition) -> Tensor:
    """(N,) 1 for a goal; not the paper's."""
    return t.reached.float()


def drop(t: Transition) -> Tensor:
    """(N,) 1 for an object that has left the arena; not the paper's, where none can."""
    return t.dropped.float()


def _off(t: Transition) -> Tensor:
    """(N, 8) m from each corner to the goal's."""
    goal, signals = t.signals["goal"], t.signals
    there = corners(goal[:, :3], goal[:, 3:])
    here = corners(signals["object_position"], signals["object_orientation"])
    return (here - there).norm(dim=-1)


def _gaps(signals: Signals) -> Tensor:
    """(N, F) m from each fingertip to the object's centre."""
    away: Tensor = signals["fingertips"] - signals["object_position"][:, None]
    return away.norm(dim=-1)


TERMS: dict[str, Callable[[Transition], Tensor]] = {
    term.__name__: term
    for term in (keypoints, fine_keypoints, position, rotation, reach, fingertip_speed, action_change, success, drop)
}
