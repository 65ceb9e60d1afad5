"""Reward terms, one function each. The paper's (appendix C.1) are the default, the others its successors'."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dactyl.environment.task import Transition
from dactyl.maths import quaternion
from dactyl.maths.kernels import logistic

if TYPE_CHECKING:  # the trial node loads the task and needs no torch
    from torch import Tensor

PAPER_REWARD: dict[str, float] = {"progress": 1.0, "success": 5.0, "drop": -20.0}
"""r_t = d_t - d_{t+1}, +5 for a goal, -20 for a drop."""


def progress(t: Transition) -> Tensor:
    """(N,) d_t - d_{t+1}, rad (appendix C.1)."""
    change: Tensor = t.errors_before[:, 0] - t.errors[:, 0]
    return change


def success(t: Transition) -> Tensor:
    """(N,) 1 for a goal (appendix C.1)."""
    return t.reached.float()


def drop(t: Transition) -> Tensor:
    """(N,) 1 for a dropped object (appendix C.1)."""
    return t.dropped.float()


def timeout(t: Transition) -> Tensor:
    """(N,) 1 where the time for the goal ran out."""
    return t.timeout.float()


def distance(t: Transition) -> Tensor:
    """(N,) distance from the object's place on the palm, m (Isaac Gym: weight -10)."""
    return _offset(t).norm(dim=-1)


def proximity(t: Transition) -> Tensor:
    """(N,) 1 / (angle + 0.1), 1/rad (Isaac Gym: weight 1)."""
    return 1.0 / (t.errors[:, 0] + 0.1)


def effort(t: Transition) -> Tensor:
    """(N,) sum of squared actions (Isaac Gym: weight -0.0002)."""
    return t.action.square().sum(-1)


def action_change(t: Transition) -> Tensor:
    """(N,) sum of squared changes of the action (DeXtreme: weight -0.2)."""
    return (t.action - t.previous_action).square().sum(-1)


def keypoints(t: Transition) -> Tensor:
    """(N,) mean over the object's keypoints of a logistic kernel of their distance to the target (TriFinger transfer).

    1 / (exp(30 x) + 2 + exp(-30 x)) of x in m; 1/4 on target.
    """
    goal, orientation = t.signals["goal"], t.signals["object_orientation"]
    points = t.object.keypoint_constant.like(orientation)
    target = quaternion.rotate(goal[:, None], points)
    present = quaternion.rotate(orientation[:, None], points) + _offset(t)[:, None]
    return logistic(30.0 * (present - target).norm(dim=-1)).mean(-1)


def _offset(t: Transition) -> Tensor:
    """(N, 3) of the object from its place on the palm, m."""
    position: Tensor = t.signals["object_position"]
    return position - t.robot.rest.like(position)


TERMS: dict[str, Callable[[Transition], Tensor]] = {
    term.__name__: term
    for term in (progress, success, drop, timeout, distance, proximity, effort, action_change, keypoints)
}
