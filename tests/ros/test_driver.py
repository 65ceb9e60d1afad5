"""What a robot without controllers of its own is sent: targets as positions, torques as efforts, and back."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS: run with ./dactyl test")

from dactyl import topics
from dactyl.robot import robot as robots
from dactyl.robot.robot import Robot
from dactyl.ros.driver import EFFORT, POSITIONS, plain, trajectory, trajectory_values
from tests.toys import installed_toys

NAMES = ["a", "b"]


@pytest.fixture(scope="module")
def toys() -> Iterator[dict[str, Robot]]:
    with installed_toys():
        yield {name: robots.load(name) for name in ("tray", "arm")}


@pytest.mark.parametrize("field", [POSITIONS, EFFORT])
def test_a_point_survives_being_sent(field: str) -> None:
    data = trajectory(NAMES, [0.1, -0.2], 0.005, 1_234_567_890, field)
    assert trajectory_values(data, field) == ({"a": 0.1, "b": -0.2}, 1_234_567_890)


def test_torques_are_not_taken_for_angles() -> None:
    """Protects a robot of positions from 0.3 N·m as 0.3 rad, and the other way round."""
    for sent, read, says in ((POSITIONS, EFFORT, "an effort"), (EFFORT, POSITIONS, "a position")):
        with pytest.raises(ValueError, match=f"not one point with {says} for each joint"):
            trajectory_values(trajectory(NAMES, [0.1, 0.2], 0.005, 0, sent), read)


def test_numbers_that_are_not_finite_are_refused() -> None:
    for field in (POSITIONS, EFFORT):
        with pytest.raises(ValueError, match="not finite"):
            trajectory_values(trajectory(NAMES, [0.1, np.nan], 0.005, 0, field), field)


@pytest.mark.parametrize(("name", "field"), [("tray", POSITIONS), ("arm", EFFORT)])
def test_the_plain_driver_reads_what_its_robot_is_sent(toys: dict[str, Robot], name: str, field: str) -> None:
    robot = toys[name]
    names = [robot.ros_name(actuator) for actuator in robot.actuators]
    command = plain(robot).decode(topics.TARGETS, trajectory(names[::-1], [0.2, 0.1], 0.005, 7, field))
    assert (command.actuators, command.targets.tolist(), command.stamp_ns) == ([1, 0], [0.2, 0.1], 7)
    with pytest.raises(ValueError, match="unknown actuator wing"):
        plain(robot).decode(topics.TARGETS, trajectory(["wing", names[0]], [0.2, 0.1], 0.005, 7, field))
