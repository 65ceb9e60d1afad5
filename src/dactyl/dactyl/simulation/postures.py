"""Torque actuators that follow postures: the law of `robot.torque`, in every physics step."""

from __future__ import annotations

import mujoco
import numpy as np

from dactyl.robot.robot import Robot, Torques


def follow_postures(model: mujoco.MjModel, robot: Robot, action: Torques) -> None:
    """Let a compiled model's torque actuators take targets, rad, in place of torques, in place.

    A motor that gives more or less torque than it is asked for pulls as much more or less.
    What differs from `torque.applied` of `torque.towards`: the pull is bounded together with the damping, not once more
    before it. That shows only where a motor turns fast, far from its target.
    """
    stiffness = model.actuator_gainprm[:, 0] * np.array(action.stiffness)
    model.actuator_gainprm[:, 0] = stiffness
    model.actuator_biasprm[:, 1] = -stiffness
    model.actuator_ctrlrange[:] = robot.actuator_limits
