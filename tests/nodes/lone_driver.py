"""The real driver alone, as a process of its own, before a hand and policies that the observer's node plays."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool
from trajectory_msgs.msg import JointTrajectory

from dactyl import topics
from dactyl.bringup.graph import Graph
from dactyl.bringup.options import RealOptions
from dactyl.bringup.run import real_graph
from dactyl.robots.shadow.joints import ACTUATORS, JOINTS, ros_joint_name
from dactyl.robots.shadow.topics import FINGERS, WRIST
from dactyl.ros import messages
from dactyl_msgs.msg import HandAction
from tests.nodes.targets import Targets

NAMES = [ros_joint_name(joint) for joint in JOINTS]
FIRST, SECOND = "/dactyl", "/other"
"""Namespaces of drivers."""


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
        self.targets = Targets(node, simulated=False)
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
