"""GR1's data: joints, motors and couplings as the paper counts them. No package is needed."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.robot import robot as robots
from dactyl.robot.robot import Positions
from dactyl.robots.gr1 import joints
from dactyl.robots.gr1.joints import FOURIER, INSPIRE
from dactyl.robots.gr1.robots import BOTH, RIGHT

KINDS = {"gr1": (FOURIER, BOTH), "gr1_inspire": (INSPIRE, BOTH), "gr1_right": (FOURIER, RIGHT)}


@pytest.mark.parametrize(("name", "coupled"), [("gr1", 5), ("gr1_inspire", 6), ("gr1_right", 5)])
def test_an_arm_has_seven_motors_and_a_hand_six(name: str, coupled: int) -> None:
    """Lin et al., section IV-A: 7 degrees of freedom, 6 actuated and 5, or 6, underactuated ones."""
    robot, (hand, sides) = robots.load(name), KINDS[name]
    assert len(robot.actuators) == 13 * len(sides)
    assert len(robot.joints) == (13 + coupled) * len(sides)
    assert len(joints.couplings(hand, sides)) == coupled * len(sides)
    assert len(robot.fingertips) == 4 * len(sides)


@pytest.mark.parametrize("name", KINDS)
def test_actuators_are_where_their_joints_are(name: str) -> None:
    robot = robots.load(name)
    angles = np.arange(float(len(robot.joints)))
    positions = robot.actuator_positions(angles)
    assert positions.tolist() == [robot.joints.index(actuator) for actuator in robot.actuators]
    assert all(robot.joints_of(actuator) == (actuator,) for actuator in robot.actuators)


@pytest.mark.parametrize("name", KINDS)
def test_coupled_joints_reach_as_far_as_what_moves_them(name: str) -> None:
    """q_u = k q_a + b at both ends: no limit works against a coupling."""
    robot, (hand, sides) = robots.load(name), KINDS[name]
    limits = dict(zip(robot.joints, robot.joint_limits.tolist(), strict=True))
    for coupled in joints.couplings(hand, sides):
        ends = sorted(coupled.k * end + coupled.b for end in limits[coupled.moved_by])
        assert limits[coupled.joint] == pytest.approx(ends)
        assert coupled.joint not in robot.actuators


@pytest.mark.parametrize("name", KINDS)
def test_the_home_posture_is_inside_the_limits_and_coupled(name: str) -> None:
    robot, (hand, sides) = robots.load(name), KINDS[name]
    home = joints.home(hand, sides)
    assert tuple(home) == robot.joints
    angles = np.array(list(home.values()))
    assert (angles >= robot.joint_limits[:, 0]).all()
    assert (angles <= robot.joint_limits[:, 1]).all()
    for coupled in joints.couplings(hand, sides):
        assert home[coupled.joint] == coupled.k * home[coupled.moved_by] + coupled.b


def test_the_right_arm_is_the_left_ones_mirror() -> None:
    left, right = joints.arm("left"), joints.arm("right")
    for (_, (low, high)), (name, other) in zip(left.items(), right.items(), strict=True):
        assert other == ((-high, -low) if "roll" in name else (low, high))
    np.testing.assert_allclose(right["right_wrist_roll_joint"], (-0.96, 0.87))


@pytest.mark.parametrize("name", KINDS)
def test_policies_act_at_5_hz_without_bins_smoothing_or_tendons(name: str) -> None:
    robot = robots.load(name)
    assert (robot.timing.control, robot.timing.physics, robot.timing.substeps) == (0.2, 0.008, 25)
    assert robot.action == Positions(bins=0, smoothing=1.0, tendons=False)


def test_base_markers_can_be_told_apart_by_their_distances() -> None:
    markers = robots.load("gr1").markers.base
    distances = np.sort([np.linalg.norm(a - b) for i, a in enumerate(markers) for b in markers[:i]])
    assert np.diff(distances).min() > 0.003


@pytest.mark.parametrize("name", KINDS)
def test_open_hands_are_hands_alone(name: str) -> None:
    """Protects arms from moving when a hand lets go."""
    robot, (hand, sides) = robots.load(name), KINDS[name]
    opened = joints.opened(hand, sides)
    assert robot.opened == opened
    assert len(opened) == 6 * len(sides)
    assert not any("shoulder" in joint or "elbow" in joint or "wrist" in joint for joint in opened)


@pytest.mark.parametrize("name", KINDS)
def test_a_third_view_looks_at_the_table_from_the_front(name: str) -> None:
    """Lin et al., section IV-A: a camera on a tripod in front of the robot."""
    robot = robots.load(name)
    eye = robot.eyes[robot.locator]
    assert eye.position[0] > robot.workspace.rest[0] + 0.5
    assert np.linalg.norm(eye.position - robot.workspace.rest) < eye.reach
