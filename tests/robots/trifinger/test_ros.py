"""The TriFinger's ways: over ROS 2, or by the platform's library, which is missing here."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS: run with ./dactyl test")

from dactyl import topics
from dactyl.errors import DactylError
from dactyl.robot import robot as robots
from dactyl.robot.driver import Connection, JointStates
from dactyl.robots.trifinger.loop import PlatformLoop
from dactyl.ros.driver import EFFORT, load, trajectory
from tests.robots.trifinger.test_loop import Platform

ROBOT = robots.load("trifinger")


def connection(transport: str) -> Connection:
    return Connection(transport, "", "trajectory", 0.005, stamped=False)


class Node:
    """As much of a node as is needed."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.topics: list[str] = []

    def create_publisher(self, _: type, topic: str, *__: Any) -> Any:
        self.topics.append(topic)
        return SimpleNamespace(publish=self.sent.append, topic=topic)

    def destroy_publisher(self, publisher: Any) -> None:
        self.topics.remove(publisher.topic)


def test_its_commands_are_efforts() -> None:
    driver = load(ROBOT)
    assert list(driver.topics("trajectory")) == [topics.TARGETS]
    data = trajectory(list(ROBOT.actuators), [0.1] * 9, 0.005, 3, EFFORT)
    command = driver.decode(topics.TARGETS, data)
    np.testing.assert_array_equal(command.targets, 0.1)


def test_an_unknown_way_and_a_missing_library_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DactylError, match="transport = 'carrier' is none of: ros2, robot_interfaces"):
        load(ROBOT).connect(Node(), connection("carrier"), lambda states: None, lambda motor, celsius: None)  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "robot_interfaces", None)
    with pytest.raises(DactylError, match="that library of the platform's installation is missing"):
        load(ROBOT).connect(Node(), connection("robot_interfaces"), lambda states: None, lambda motor, celsius: None)  # type: ignore[arg-type]


def test_topics_of_commands_are_refused_where_there_are_none() -> None:
    named = replace(connection("robot_interfaces"), commands=("efforts",))
    with pytest.raises(DactylError, match="parameter commands: over robot_interfaces there are no topics"):
        load(ROBOT).connect(Node(), named, lambda states: None, lambda motor, celsius: None)  # type: ignore[arg-type]


def test_a_platforms_joints_are_handed_over_and_published(monkeypatch: pytest.MonkeyPatch) -> None:
    """Velocities too, which the policy sees."""
    platform = Platform(pace=0.001)
    library = SimpleNamespace(
        MultiProcessData=lambda name, leads: (name, leads),
        Frontend=lambda data: platform if data == ("trifinger", False) else None,
        Action=lambda torque: torque,
    )
    monkeypatch.setitem(sys.modules, "robot_interfaces", SimpleNamespace(trifinger=library))
    node, states = Node(), list[JointStates]()
    loop = load(ROBOT).connect(node, connection("robot_interfaces"), states.append, lambda motor, celsius: None)  # type: ignore[arg-type]
    assert isinstance(loop, PlatformLoop)
    while not states and not loop.problem():
        loop.poll()
    assert node.topics == ["/joint_states"]
    loop.close()
    assert not node.topics
    assert list(states[0].names) == list(ROBOT.joints)
    assert list(node.sent[0].velocity) == [0.5] * 9
    assert list(node.sent[0].position) == list(states[0].positions)
