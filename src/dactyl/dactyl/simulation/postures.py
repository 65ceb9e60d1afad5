"""Torque actuators that follow postures: the law of `robot.torque`, in every physics step."""

from __future__ import annotations

import mujoco

from dactyl.robot.robot import Robot, Torques


def follow_postures(model: mujoco.MjModel, robot: Robot, action: Torques, gain_scale: float = 1.0) -> None:
    """Let a compiled model's torque actuators take targets, rad, in place of torques, in place.

    What differs from `torque.applied` of `torque.towards`: the pull is bounded together with the damping, not once more
    before it. That shows only where a motor turns fast, far from its target.
    """
    stiffness = [gain_scale * value for value in action.stiffness]
    model.actuator_gainprm[:, 0] = stiffness
    model.actuator_biasprm[:, 1] = [-value for value in stiffness]
    model.actuator_ctrlrange[:] = robot.actuator_limits
