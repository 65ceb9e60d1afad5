"""Joint states in the robot's order, whoever else speaks on their topic."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.robot.driver import JointOrder, JointStates
from dactyl.robots.shadow import ROBOT

NAMES = [ROBOT.ros_name(joint) for joint in ROBOT.joints]
ANGLES = np.linspace(0.0, 0.23, len(NAMES))


def test_angles_are_found_by_name_among_an_arms_joints() -> None:
    """Protects a hand whose joint states come together with an arm's, in any order."""
    order = JointOrder(ROBOT)
    names = ["elbow", *reversed(NAMES), "shoulder"]
    assert order.concerns(names)
    angles, efforts = order.sort(JointStates(0, names, [9.0, *reversed(ANGLES.tolist()), 9.0], ()))
    np.testing.assert_array_equal(angles, ANGLES)
    assert efforts is None


def test_joint_states_of_another_robot_do_not_concern_it() -> None:
    """Protects from refusing an arm's; some of the hand's joints, or none at all, are still a fault."""
    order = JointOrder(ROBOT)
    assert not order.concerns(["elbow", "shoulder"])
    assert order.concerns([])
    assert order.concerns(["elbow", NAMES[0]])
    with pytest.raises(ValueError, match="joint states without"):
        order.sort(JointStates(0, ["elbow", NAMES[0]], [0.0, 0.0], ()))
