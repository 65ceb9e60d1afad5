"""Robots as data, and how they are found."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from dactyl.errors import DactylError
from dactyl.robot import robot as robots
from dactyl.robot.robot import Eye, Torques


@pytest.mark.parametrize("name", robots.names())
def test_every_robot_is_whole(name: str) -> None:
    """Protects what the simulated model, the driver and the nodes take from the data without looking."""
    robot = robots.load(name)
    assert robot.name == name
    assert (robot.joint_limits[:, 0] < robot.joint_limits[:, 1]).all()
    assert robot.actuator_limits.shape == (len(robot.actuators), 2)
    assert robot.timing.substeps * robot.timing.physics == pytest.approx(robot.timing.control)
    assert all(robot.joints_of(actuator) for actuator in robot.actuators)


@pytest.mark.parametrize("name", robots.names())
def test_open_hands_are_within_reach(name: str) -> None:
    """Protects whoever lets go of an object: no target is clipped on the way."""
    robot = robots.load(name)
    for actuator, position in robot.opened.items():
        low, high = robot.actuator_limits[robot.actuators.index(actuator)]
        assert low <= position <= high, actuator


def test_a_locator_is_an_eye_and_what_opens_an_actuator() -> None:
    shadow = robots.load("shadow")
    eye = Eye(np.array([0.0, -1.0, 0.5]), np.zeros(3), 40.0, 8, 6, 2.0)
    assert replace(shadow, eyes={"front": eye}, locator="front").locator == "front"
    with pytest.raises(DactylError, match="locator 'front' is none of its eyes"):
        replace(shadow, locator="front")
    with pytest.raises(DactylError, match="XX cannot be opened"):
        replace(shadow, opened={"XX": 0.0})


def test_actuator_positions_add_up_coupled_joints() -> None:
    """Appendix C.1: desired and actual positions of coupled joints are the sum of the two angles."""
    robot = robots.load("shadow")
    angles = np.random.default_rng(0).normal(size=(3, 24))
    positions = robot.actuator_positions(angles)
    by_joint = dict(zip(robot.joints, angles.T, strict=True))
    by_actuator = dict(zip(robot.actuators, positions.T, strict=True))
    np.testing.assert_array_equal(by_actuator["MFJ0"], by_joint["MFJ1"] + by_joint["MFJ2"])
    np.testing.assert_array_equal(by_actuator["WRJ1"], by_joint["WRJ1"])
    np.testing.assert_array_equal(by_actuator["THJ5"], by_joint["THJ5"])
    np.testing.assert_array_equal(positions, robot.actuator_positions(torch.as_tensor(angles)).numpy())
    assert robot.joints_of("MFJ0") == ("MFJ2", "MFJ1")
    assert robot.joints_of("THJ5") == ("THJ5",)


def test_another_rhythm_leaves_the_robot_as_it_was() -> None:
    shadow = robots.load("shadow")
    faster = shadow.deciding_every(0.04)
    assert (faster.timing.control, faster.timing.physics, faster.timing.substeps) == (0.04, 0.008, 5)
    assert shadow.timing.control == 0.08
    assert faster.joints == shadow.joints
    assert shadow.deciding_every(0.08).timing == shadow.timing


def test_the_own_rhythm_is_always_allowed() -> None:
    """Protects policies of a robot whose control step is no whole number of physics steps: they loaded before."""
    assert robots.Timing(0.02, 0.003).allows(0.02)
    assert not robots.Timing(0.02, 0.003).allows(0.04)


@pytest.mark.parametrize("period", [0.05, 0.0, -0.08, 0.003, float("nan"), float("inf"), 10**400])
def test_a_rhythm_of_no_whole_number_of_physics_steps_is_refused(period: float) -> None:
    """Protects from a control step that is not simulated to its end."""
    shadow = robots.load("shadow")
    assert not shadow.timing.allows(period)
    with pytest.raises(DactylError, match="is no whole number of physics steps"):
        shadow.deciding_every(period)


def test_an_unknown_robot_is_refused_with_those_there_are() -> None:
    with pytest.raises(DactylError, match=r"there is no robot 'shadwo'; there are: .*shadow"):
        robots.load("shadwo")


def test_data_that_does_not_fit_is_refused() -> None:
    shadow = robots.load("shadow")
    with pytest.raises(DactylError, match=r"joint_limits has shape \(24,\)"):
        replace(shadow, joint_limits=shadow.joint_limits[:, 0])
    with pytest.raises(DactylError, match=r"actuation has shape \(20, 23\), not \(20, 24\)"):
        replace(shadow, actuation=shadow.actuation[:, 1:])
    with pytest.raises(DactylError, match=r"workspace.rest has shape \(2,\)"):
        replace(shadow, workspace=replace(shadow.workspace, rest=np.zeros(2)))
    with pytest.raises(DactylError, match=r"markers.fingertips has shape \(4, 3\), not \(5, 3\)"):
        replace(shadow, markers=replace(shadow.markers, fingertips=np.zeros((4, 3))))
    with pytest.raises(DactylError, match="10 bins: an odd number has a bin for 0"):
        replace(shadow, action=replace(shadow.action, bins=10))
    with pytest.raises(DactylError, match="XXJ9 cannot be locked"):
        replace(shadow, locked={"XXJ9": 0.0})
    with pytest.raises(DactylError, match=r"slow_tracker \(0.1, nan\) must be from 0 to 10 s"):
        replace(shadow, slow_tracker=(0.1, float("nan")))


def test_a_robot_that_takes_torques_must_say_all_of_its_law() -> None:
    """Protects from a motor without damping, or a hold without a pull, by a list that is too short."""
    shadow = robots.load("shadow")
    per_actuator = (0.1,) * len(shadow.actuators)
    whole = Torques(limit=1.0, damping=per_actuator, stiffness=per_actuator)
    assert replace(shadow, action=whole).action is whole
    for wrong, says in (
        ({"limit": 0.0}, "the largest torque must be > 0, not 0.0"),
        ({"limit": float("nan")}, "the largest torque must be > 0, not nan"),
        ({"damping": (0.1,)}, "damping needs a number >= 0 for each actuator"),
        ({"stiffness": (-0.1, *per_actuator[1:])}, "stiffness needs a number >= 0 for each actuator"),
    ):
        with pytest.raises(DactylError, match=f"robot shadow: {says}"):
            replace(shadow, action=replace(whole, **wrong))


def test_a_robot_says_what_its_actions_are_counted_from() -> None:
    shadow = robots.load("shadow")
    per_actuator = (0.1,) * len(shadow.actuators)
    torques = replace(shadow, action=Torques(1.0, per_actuator, per_actuator))
    for robot, origins in ((shadow, ("current", "middle")), (torques, ("torque", "middle", "current"))):
        for origin in origins:
            robot.check_origin(origin)
    with pytest.raises(DactylError, match="actions of the robot shadow are counted from current or middle, not 'torq"):
        shadow.check_origin("torque")


def test_a_robot_loads_neither_simulator_nor_network_nor_ros() -> None:
    """Protects the start of `--help` and of light nodes: MuJoCo and torch take seconds."""
    script = (
        "import sys; from dactyl.robot import robot; [robot.load(name) for name in robot.names()];"
        "print([m for m in ('torch', 'mujoco', 'rclpy') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
