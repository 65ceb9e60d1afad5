"""Robots as data, and how they are found."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from dactyl.errors import DactylError
from dactyl.robot import robot as robots


@pytest.mark.parametrize("name", robots.names())
def test_every_robot_is_whole(name: str) -> None:
    """Protects what the simulated model, the driver and the nodes take from the data without looking."""
    robot = robots.load(name)
    assert robot.name == name
    assert (robot.joint_limits[:, 0] < robot.joint_limits[:, 1]).all()
    assert robot.actuator_limits.shape == (len(robot.actuators), 2)
    assert robot.timing.substeps * robot.timing.physics == pytest.approx(robot.timing.control)
    assert all(robot.joints_of(actuator) for actuator in robot.actuators)


def test_actuator_positions_add_up_coupled_joints() -> None:
    robot = robots.load("shadow")
    angles = np.linspace(0.0, 1.0, len(robot.joints))
    positions = robot.actuator_positions(np.stack([angles, 2.0 * angles]))
    coupled = robot.actuators.index("FFJ0")
    expected = angles[robot.joints.index("FFJ1")] + angles[robot.joints.index("FFJ2")]
    np.testing.assert_allclose(positions[:, coupled], [expected, 2.0 * expected])


def test_an_unknown_robot_is_refused_with_those_there_are() -> None:
    with pytest.raises(DactylError, match=r"there is no robot 'shadwo'; there are: .*shadow"):
        robots.load("shadwo")


def test_data_that_does_not_fit_is_refused() -> None:
    shadow = robots.load("shadow")
    with pytest.raises(DactylError, match=r"joint_limits has shape \(24,\)"):
        replace(shadow, joint_limits=shadow.joint_limits[:, 0])
    with pytest.raises(DactylError, match="XXJ9 cannot be locked"):
        replace(shadow, locked={"XXJ9": 0.0})


def test_a_robot_loads_neither_simulator_nor_network_nor_ros() -> None:
    """Protects the start of `--help` and of light nodes: MuJoCo and torch take seconds."""
    script = (
        "import sys; from dactyl.robot import robot; [robot.load(name) for name in robot.names()];"
        "print([m for m in ('torch', 'mujoco', 'rclpy') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
