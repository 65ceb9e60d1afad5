"""TriFinger's data: names, limits and law as the platform has them. No package is needed."""

from __future__ import annotations

import numpy as np

from dactyl.robot import robot as robots
from dactyl.robot.robot import Torques
from dactyl.robots.trifinger.joints import HOME, JOINTS
from dactyl.robots.trifinger.layout import WALL, WALL_SIDES, sides

ROBOT = robots.load("trifinger")


def test_the_nine_joints_are_in_the_order_of_the_platforms_interface() -> None:
    assert len(JOINTS) == 9
    assert JOINTS[:3] == (
        "finger_base_to_upper_joint_0", "finger_upper_to_middle_joint_0", "finger_middle_to_lower_joint_0",
    )  # fmt: skip
    assert [joint.rpartition("_")[2] for joint in JOINTS] == ["0"] * 3 + ["120"] * 3 + ["240"] * 3
    assert ROBOT.actuators == JOINTS
    np.testing.assert_array_equal(ROBOT.joint_limits[3:6], [[-0.33, 1.0], [0.0, 1.57], [-2.7, 0.0]])


def test_the_law_is_the_simulators_of_the_platform() -> None:
    action = ROBOT.action
    assert isinstance(action, Torques)
    assert (action.limit, action.bins, action.smoothing) == (0.36, 0, 1.0)
    assert action.damping == (0.08, 0.08, 0.04) * 3
    assert (ROBOT.timing.control, ROBOT.timing.physics, ROBOT.timing.substeps) == (0.02, 0.005, 4)


def test_a_torque_kept_for_a_control_step_follows_a_posture_without_swinging() -> None:
    """Protects teachers of postures that are said in torques: half a step late, they pull against the damping."""
    action = ROBOT.action
    assert isinstance(action, Torques)
    late = 0.5 * ROBOT.timing.control * np.array(action.stiffness)
    assert (late < np.array(action.damping)).all()


def test_the_home_posture_is_inside_the_limits() -> None:
    assert (ROBOT.joint_limits[:, 0] <= HOME).all()
    assert (ROBOT.joint_limits[:, 1] >= HOME).all()


def test_the_wall_goes_all_the_way_round_and_up() -> None:
    assert len(sides()) == WALL_SIDES
    np.testing.assert_allclose(np.diff(sides()), 2 * np.pi / WALL_SIDES)
    heights = [height for _, height in WALL]
    assert heights == sorted(heights)
    assert heights[0] == 0.0


def test_base_markers_can_be_told_apart_by_their_distances() -> None:
    markers = ROBOT.markers.base
    distances = np.sort([np.linalg.norm(a - b) for i, a in enumerate(markers) for b in markers[:i]])
    assert np.diff(distances).min() > 0.003
