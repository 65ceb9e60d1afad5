"""The two command interfaces of Shadow's controllers as ROS 2 messages, written by the hand driver and read by the sim.

trajectory: trajectory_msgs/JointTrajectory for the 22 finger joints and for the 2 wrist joints, one point each.
position: one std_msgs/Float64 per actuator, in rad.

A trajectory's stamp is when it begins. Controllers drop points that lie in the past, and an action's tick does by the
time its targets are sent: so the stamp is 0, which means now. Only in lockstep, where the simulator waits for the
answer to its tick, it is the tick.

Both sides keep messages as bytes between actions: the stream repeats them at 125 Hz, only a change has to be decoded.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from builtin_interfaces.msg import Duration
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from dactyl.robots.shadow.joints import ros_joint_name
from dactyl.robots.shadow.protocol import (
    ACTUATOR_OF,
    POSITIONS,
    TRAJECTORIES,
    JointStates,
    OnJointStates,
    OnTemperature,
    motor_temperature,
    trajectory_positions,
)
from dactyl.ros.messages import RELIABLE, SENSOR, nanoseconds, set_stamp
from dactyl.topics import DIAGNOSTICS, JOINT_STATES

_ACTUATOR_OF_NAME = {ros_joint_name(joint): actuator for joint, actuator in ACTUATOR_OF.items()}


def topics(interface: str) -> dict[str, type]:
    """Topic and message type of every command."""
    return (
        dict.fromkeys(TRAJECTORIES, JointTrajectory) if interface == "trajectory" else dict.fromkeys(POSITIONS, Float64)
    )


def encode(interface: str, targets: np.ndarray, stamp_ns: int, time_from_start_ns: int) -> dict[str, bytes]:
    """Serialized commands by topic, for actuator targets (20,) in rad. Coupled joints get half of their sum each."""
    if interface == "position":
        return {topic: serialize_message(Float64(data=float(targets[i]))) for topic, i in POSITIONS.items()}
    commands = {}
    for topic, joints in TRAJECTORIES.items():
        seconds, rest = divmod(time_from_start_ns, 1_000_000_000)
        point = JointTrajectoryPoint(time_from_start=Duration(sec=seconds, nanosec=rest))
        point.positions = trajectory_positions(joints, targets)
        message = JointTrajectory(joint_names=[ros_joint_name(joint) for joint in joints], points=[point])
        set_stamp(message.header.stamp, stamp_ns)
        commands[topic] = serialize_message(message)
    return commands


class Command(NamedTuple):
    """Targets for some of the actuators."""

    actuators: list[int]
    targets: np.ndarray
    """rad"""
    stamp_ns: int
    """Control tick, 0 where there is none: it is for now."""


def decode(topic: str, data: bytes) -> Command:
    """What a command asks for.

    Raises:
        ValueError: it is one that Shadow's controllers would not take; says why.
    """
    if topic not in TRAJECTORIES:
        target = deserialize_message(data, Float64).data
        if not np.isfinite(target):
            raise ValueError("not finite")
        return Command([POSITIONS[topic]], np.array([target]), 0)
    message = deserialize_message(data, JointTrajectory)
    if len(message.points) != 1 or len(message.points[0].positions) != len(message.joint_names):
        raise ValueError("not one point with a position for each joint")
    if unknown := [name for name in message.joint_names if name not in _ACTUATOR_OF_NAME]:
        raise ValueError(f"unknown joint {unknown[0]}")
    if len(set(message.joint_names)) != len(TRAJECTORIES[topic]):
        raise ValueError("not every joint of the controller once")
    sums: dict[int, float] = {}
    for name, position in zip(message.joint_names, message.points[0].positions, strict=True):
        actuator = _ACTUATOR_OF_NAME[name]
        sums[actuator] = sums.get(actuator, 0.0) + position
    targets = np.array(list(sums.values()))
    if not np.isfinite(targets).all():
        raise ValueError("not finite")
    return Command(list(sums), targets, nanoseconds(message.header.stamp))


class RosHand:
    """The hand behind ROS 2 topics of Shadow's names: controllers ported to ROS 2, a bridge to ROS 1, or the sim."""

    def __init__(
        self,
        node: Node,
        interface: str,
        time_from_start: float,
        stamped: bool,
        on_joint_states: OnJointStates,
        on_temperature: OnTemperature,
    ) -> None:
        """Connect; `stamped` says that trajectories carry the control tick instead of 0. The rest is as in `encode`."""
        self._interface, self._stamped = interface, stamped
        self._time_from_start_ns = round(time_from_start * 1e9)
        self._sent: tuple[np.ndarray, int] | None = None
        self._commands: dict[str, bytes] = {}
        self._on_joint_states, self._on_temperature = on_joint_states, on_temperature
        self.publishers = {
            topic: node.create_publisher(kind, topic, RELIABLE) for topic, kind in topics(interface).items()
        }
        node.create_subscription(JointState, JOINT_STATES, self._receive, SENSOR)
        node.create_subscription(DiagnosticArray, DIAGNOSTICS, self._receive_diagnostics, RELIABLE)

    def send(self, targets: np.ndarray, stamp_ns: int) -> None:
        stamp_ns = stamp_ns if self._stamped else 0
        if self._sent is None or stamp_ns != self._sent[1] or not np.array_equal(targets, self._sent[0]):
            self._sent = (targets, stamp_ns)
            self._commands = encode(self._interface, targets, stamp_ns, self._time_from_start_ns)
        for topic, command in self._commands.items():
            self.publishers[topic].publish(command)

    def poll(self) -> None:
        """The executor calls back."""

    def problem(self) -> str:
        """Joint states that stop say everything there is to know."""
        return ""

    def close(self) -> None:
        """The node's end is this one's."""

    def _receive(self, message: JointState) -> None:
        stamp_ns = nanoseconds(message.header.stamp)
        self._on_joint_states(JointStates(stamp_ns, message.name, message.position, message.effort))

    def _receive_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if found := motor_temperature(status.name, {pair.key: pair.value for pair in status.values}):
                self._on_temperature(*found)
