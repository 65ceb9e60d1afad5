"""Reward terms, one function each. The paper's (appendix C.1) are the default, the others its successors'."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.maths.arrays import Constant
from dactyl.simulation.objects import HALF_SIZE

_CORNERS = Constant(HALF_SIZE * np.array(list(product((-1.0, 1.0), repeat=3))))

PAPER_REWARD: dict[str, float] = {"progress": 1.0, "success": 5.0, "drop": -20.0}
"""r_t = d_t - d_{t+1}, +5 for a goal, -20 for a drop."""


class Transition(NamedTuple):
    """What the terms look at; N worlds, after a control step and before anything is reset."""

    angle_before: Tensor
    """(N,) d_t, rad to the goal before the step."""
    angle: Tensor
    """(N,) d_{t+1}, rad to the same goal after it."""
    goal: Tensor
    """(N, 4) hand frame."""
    orientation: Tensor
    """(N, 4) of the object after the step, hand frame."""
    offset: Tensor
    """(N, 3) object position from its place on the palm, m."""
    reached: Tensor
    """(N,) bool"""
    dropped: Tensor
    """(N,) bool"""
    timeout: Tensor
    """(N,) bool"""
    action: Tensor
    """(N, 20) smoothed action."""
    previous_action: Tensor
    """(N, 20)"""


def progress(t: Transition) -> Tensor:
    """d_t - d_{t+1}, rad (appendix C.1)."""
    return t.angle_before - t.angle


def success(t: Transition) -> Tensor:
    """1 for a goal (appendix C.1)."""
    return t.reached.float()


def drop(t: Transition) -> Tensor:
    """1 for a dropped object (appendix C.1)."""
    return t.dropped.float()


def timeout(t: Transition) -> Tensor:
    """1 where the time for the goal ran out."""
    return t.timeout.float()


def distance(t: Transition) -> Tensor:
    """Distance from the object's place on the palm, m (Isaac Gym: weight -10)."""
    return t.offset.norm(dim=-1)


def proximity(t: Transition) -> Tensor:
    """1 / (angle + 0.1), 1/rad (Isaac Gym: weight 1)."""
    return 1.0 / (t.angle + 0.1)


def effort(t: Transition) -> Tensor:
    """Sum of squared actions (Isaac Gym: weight -0.0002)."""
    return t.action.square().sum(-1)


def action_change(t: Transition) -> Tensor:
    """Sum of squared changes of the action (DeXtreme: weight -0.2)."""
    return (t.action - t.previous_action).square().sum(-1)


def keypoints(t: Transition) -> Tensor:
    """Mean over the cube's corners of a logistic kernel of their distance to where they should be (TriFinger transfer).

    1 / (exp(30 x) + 2 + exp(-30 x)) of x in m; 1/4 on target.
    """
    corners = _CORNERS.like(t.orientation)
    target = quaternion.rotate(t.goal[:, None], corners)
    present = quaternion.rotate(t.orientation[:, None], corners) + t.offset[:, None]
    x = 30.0 * (present - target).norm(dim=-1)
    return (1.0 / (x.exp() + 2.0 + (-x).exp())).mean(-1)


TERMS: dict[str, Callable[[Transition], Tensor]] = {
    term.__name__: term
    for term in (progress, success, drop, timeout, distance, proximity, effort, action_change, keypoints)
}


def check(weights: Mapping[str, float]) -> None:
    """Refuse unknown terms.

    Raises:
        DactylError: a name is none of `TERMS`.
    """
    for name in weights:
        if name not in TERMS:
            raise DactylError(f"unknown reward term {name!r}: choose from {', '.join(TERMS)}")


def total(weights: Mapping[str, float], transition: Transition) -> Tensor:
    """Weighted sum of the named terms, (N,). An unstable simulation, whose angle is not finite, earns nothing."""
    terms = (weight * TERMS[name](transition) for name, weight in weights.items())
    return torch.nan_to_num(sum(terms, torch.zeros_like(transition.angle)), nan=0.0, posinf=0.0, neginf=0.0)
