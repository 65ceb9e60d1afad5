"""The backlash of tendon actuation (appendix C.2): slack that an action has to take up before it moves its joint."""

from __future__ import annotations

from array_api_compat import array_namespace

from dactyl.maths.quaternion import Array

NOMINAL = 8.0
"""Slack rate delta in units of slack per full-scale motion and control step, where no calibration says better.

The paper calibrated its values and gives none. Slack runs from -1 to 1, so that 8 lets a commanded motion of a quarter
of half the range cross it in one control step: 13° on a Shadow finger's flexion joint, 5° on its abduction joint. That
is about the motion policies ask for in one step, so a reversal costs them one step of 80 ms, seldom two.
"""
EPSILON = 1e-12  # appendix C.2


def transmit(slack: Array, positions: Array, targets: Array, limits: Array, delta: Array) -> tuple[Array, Array]:
    """What arrives at the joints of the motion that targets command: its reversals have to take up the slack first.

    Args:
        slack: s (..., A), see `apply`.
        positions: where the actuators are, rad, (..., A).
        targets: where they shall go, rad, (..., A).
        limits: (A, 2) of the actuators: the motion is measured in units of half their range.
        delta: (..., A, 2), see `apply`.

    Returns:
        New slack, and the targets that the controllers work towards, both (..., A).
    """
    half = 0.5 * (limits[..., 1] - limits[..., 0])
    slack, motion = apply(slack, (targets - positions) / half, delta)
    return slack, positions + motion * half


def apply(slack: Array, action: Array, delta: Array, steps: float = 1.0) -> tuple[Array, Array]:
    """Advance the slack by one action and scale the action by what gets through.

    Args:
        slack: s (..., A) in [-1, 1]; 1 means tight for positive actions, -1 for negative ones.
        action: a_in (..., A), commanded motion in units of half the actuator's range.
        delta: (..., A, 2) slack rates for negative and positive actions, > 0.
        steps: Δt in control steps.

    Returns:
        New slack s' and a_out, both (..., A). An action of zero leaves the slack and stays zero.
    """
    xp = array_namespace(slack, action, delta)
    one = xp.ones_like(action)  # xp.sign of the compatibility layer indexes by mask, which makes a GPU wait
    direction = xp.where(action < 0.0, -one, xp.where(action > 0.0, one, 0.0 * one))
    rate = xp.where(action < 0.0, delta[..., 0], delta[..., 1])
    new_slack = xp.clip(slack + action * rate * steps, -1.0, 1.0)
    remaining = xp.abs(direction - slack) / (xp.abs(new_slack - slack) + EPSILON)
    return new_slack, xp.clip(1.0 - remaining, 0.0, 1.0) * action
