"""The backlash of tendon actuation (appendix C.2): slack that an action has to take up before it moves its joint."""

from __future__ import annotations

from array_api_compat import array_namespace

from dactyl.maths.quaternion import Array

CALIBRATED = 8.0
"""Slack rate delta in units of slack per full-scale action and control step, for every joint and direction.

The paper gives no values. Slack runs from -1 to 1, so 8 means that a quarter of a full-scale action crosses it: 13° of
commanded motion on a finger's flexion joint, 5° on its abduction joint. Replace it per joint by calibration.
"""
CALIBRATED_STD = 0.1  # appendix C.2
EPSILON = 1e-12  # appendix C.2


def apply(slack: Array, action: Array, delta: Array, steps: float = 1.0) -> tuple[Array, Array]:
    """Advance the slack by one action and scale the action by what gets through.

    Args:
        slack: s (..., 20) in [-1, 1]; 1 means tight for positive actions, -1 for negative ones.
        action: a_in (..., 20) in [-1, 1].
        delta: (..., 20, 2) slack rates for negative and positive actions, > 0.
        steps: Δt in control steps.

    Returns:
        New slack s' and a_out, both (..., 20). An action of zero leaves the slack and stays zero.
    """
    xp = array_namespace(slack, action, delta)
    one = xp.ones_like(action)  # xp.sign of the compatibility layer indexes by mask, which makes a GPU wait
    direction = xp.where(action < 0.0, -one, xp.where(action > 0.0, one, 0.0 * one))
    rate = xp.where(action < 0.0, delta[..., 0], delta[..., 1])
    new_slack = xp.clip(slack + action * rate * steps, -1.0, 1.0)
    remaining = xp.abs(direction - slack) / (xp.abs(new_slack - slack) + EPSILON)
    return new_slack, xp.clip(1.0 - remaining, 0.0, 1.0) * action
