"""Two real drivers, each a process of its own, before one hand."""

from __future__ import annotations

import dataclasses
import math
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool
from trajectory_msgs.msg import JointTrajectory

from dactyl import topics
from dactyl.bringup.graph import Graph
from dactyl.bringup.options import RealOptions
from dactyl.bringup.processes import command
from dactyl.bringup.run import real_graph
from dactyl.robots.shadow.joints import ACTUATORS, JOINTS, ros_joint_name
from dactyl.robots.shadow.topics import FINGERS, WRIST
from dactyl.ros import messages
from dactyl_msgs.msg import HandAction
from tests.nodes.targets import Targets

NAMES = [ros_joint_name(joint) for joint in JOINTS]
FIRST, SECOND = "/dactyl", "/other"


def driver_alone(namespace: str) -> Graph:
    """With the limits of config/real.yaml; the hand of this test has no temperatures."""
    whole = real_graph(RealOptions(dashboard=False, namespace=namespace))
    driver = whole.node("hand_driver")
    settings = driver.parameters | {"unguarded": "temperature", "action_origin": "middle"}
    return dataclasses.replace(whole, nodes=(dataclasses.replace(driver, parameters=settings),))


class Hand:
    """A hand that is where it was told to be, and a policy for each driver: the two want opposite things."""

    def __init__(self, graph: Any) -> None:
        self.graph, node = graph, graph.node
        self.states = node.create_publisher(JointState, topics.JOINT_STATES, messages.SENSOR)
        self.actions = [
            node.create_publisher(HandAction, f"{namespace}/{topics.FILTERED}", messages.RELIABLE)
            for namespace in (FIRST, SECOND)
        ]
        self.targets = Targets(node, FINGERS)
        self.angles = dict.fromkeys(NAMES, 0.1)
        for topic in (FINGERS, WRIST):
            node.create_subscription(JointTrajectory, topic, self._follow, 10)
        node.create_timer(0.008, self._tell)
        node.create_timer(0.08, self._act)
        self._count = 0

    def _follow(self, message: JointTrajectory) -> None:
        self.angles.update(zip(message.joint_names, message.points[0].positions, strict=True))

    def _tell(self) -> None:
        message = JointState(name=NAMES, position=list(self.angles.values()))
        message.header.stamp = self.graph.node.get_clock().now().to_msg()
        self.states.publish(message)

    def _act(self) -> None:
        self._count += 1
        for sign, publisher in zip((1.0, -1.0), self.actions, strict=True):
            value = sign * 0.8 * math.sin(0.3 * self._count)
            action = HandAction(robot="shadow", sequence=self._count, action=[value] * len(ACTUATORS))
            action.header.stamp = self.graph.node.get_clock().now().to_msg()
            publisher.publish(action)

    def enable(self, namespace: str) -> SetBool.Response:
        return self.graph.call(SetBool, f"{namespace}/hand_driver/enable", SetBool.Request(data=True))

    def enable_when_it_may(self, namespace: str) -> None:
        self.graph.until(lambda: self.enable(namespace).success, 20.0)


@pytest.fixture
def hand(run_graph: Callable[..., Any]) -> Iterator[Hand]:
    """The first driver, not enabled, and its hand."""
    with run_graph(driver_alone(FIRST)) as graph:
        yield Hand(graph)


@contextmanager
def second_driver() -> Iterator[None]:
    graph = driver_alone(SECOND)
    process = subprocess.Popen(command(graph.nodes[0], graph), env={**os.environ, **graph.environment})
    try:
        yield
    finally:
        process.terminate()
        process.wait(10.0)


def test_a_second_driver_stops_the_first_and_is_not_enabled(hand: Hand) -> None:
    """Protects the hand from being pulled two ways: both name each other, and only one stream of targets ever was."""
    hand.enable_when_it_may(FIRST)
    hand.graph.until(lambda: hand.targets.changes > 40)
    begun = time.monotonic()
    with second_driver():
        hand.graph.until(lambda: "stopped: " in hand.graph.text)
        print(f"stopped {time.monotonic() - begun:.2f} s after the second driver's start")
        expected = f"stopped: another node commands the hand on {FINGERS}: {SECOND}/hand_driver"
        assert expected in hand.graph.text
        answers = [hand.enable(SECOND)]
        named = f"another node commands the hand on {FINGERS}: {FIRST}/hand_driver"
        hand.graph.until(lambda: (answers.append(hand.enable(SECOND)), answers[-1].message == named)[1])
        assert not any(answer.success for answer in answers), answers
        seen = hand.targets.last_ns
        hand.graph.until(lambda: hand.targets.last_ns > max(seen, hand.targets.changed_ns) + 500_000_000)
        hand.targets.check_speed()


def test_of_two_drivers_none_is_enabled(hand: Hand) -> None:
    """Protects a hand that was started twice: whichever is asked names the other."""
    with second_driver():
        hand.graph.until(lambda: hand.graph.node.count_publishers(FINGERS) == 2)
        for asked, other in ((FIRST, SECOND), (SECOND, FIRST)):
            hand.graph.until(lambda asked=asked, other=other: f"{other}/hand_driver" in hand.enable(asked).message)  # type: ignore[misc]
    hand.enable_when_it_may(FIRST)
    assert not hand.targets.changes, "until it was alone"
