"""How robots are driven over ROS: a robot's own driver, or the plain one of those that have none.

The same description serves both ends: the driver node, which sends targets, and the simulator, which takes them.

Controllers drop points of trajectories that lie in the past, and an action's tick does by the time its targets are
sent: so a stamp is 0, which means now. Only in lockstep, where the simulator waits for the answer to its tick, it is
the tick. Both ends keep messages as bytes between actions: the stream repeats them, only a change has to be decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from builtin_interfaces.msg import Duration
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from dactyl import registry, topics
from dactyl.errors import DactylError
from dactyl.robot.driver import Command, Connection, Interface, JointStates, OnJointStates, OnTemperature, names_of
from dactyl.robot.robot import Robot, Torques
from dactyl.ros.messages import JOINTS, RELIABLE, nanoseconds, set_stamp
from dactyl.ros.peers import Peers

Encode = Callable[[np.ndarray, int], dict[str, bytes]]
"""Serialized commands by topic, of actuator targets (A,), rad, and a stamp, ns."""
Temperature = Callable[[str, Mapping[str, str]], "tuple[int, float] | None"]
"""Actuator's index and degrees Celsius, from a status of /diagnostics and its values; None if it is none."""

POSITIONS, EFFORT = "positions", "effort"
"""Fields of a trajectory's point that commands are in."""
_FIELDS = {POSITIONS: "a position", EFFORT: "an effort"}


@dataclass(frozen=True)
class Driver:
    """How one robot is driven."""

    connect: Callable[[Node, Connection, OnJointStates, OnTemperature], Interface]
    """Raises DactylError where the connection asks for what the robot has not."""
    topics: Callable[[str], dict[str, type]]
    """Topic and message type of every command, by the interface."""
    decode: Callable[[str, bytes], Command]
    """What a command on a topic asks for. Raises ValueError, and says why, where controllers would not take it."""


def load(robot: Robot) -> Driver:
    """A robot's driver.

    Raises:
        DactylError: it cannot be imported.
    """
    made: Driver = registry.resolve(robot.driver)(robot) if robot.driver else plain(robot)
    return made


def plain(robot: Robot) -> Driver:
    """For a robot without controllers of its own: what all actuators are sent in one trajectory of one point.

    Targets are its positions; torques, N·m, its effort.
    """
    names = [robot.ros_name(actuator) for actuator in robot.actuators]
    field = EFFORT if isinstance(robot.action, Torques) else POSITIONS

    def encode(time_from_start: float, targets: np.ndarray, stamp_ns: int) -> dict[str, bytes]:
        return {topics.TARGETS: trajectory(names, targets.tolist(), time_from_start, stamp_ns, field)}

    def connect(
        node: Node, connection: Connection, on_joint_states: OnJointStates, on_temperature: OnTemperature
    ) -> Interface:
        check_word("transport", connection.transport, ("ros2",))
        return TopicInterface(
            node, kinds(connection.interface), lambda *what: encode(connection.time_from_start, *what),
            connection, on_joint_states, on_temperature,
        )  # fmt: skip

    def kinds(interface: str) -> dict[str, type]:
        check_word("interface", interface, ("trajectory",))
        return {topics.TARGETS: JointTrajectory}

    def decode(_: str, data: bytes) -> Command:
        asked, stamp_ns = trajectory_values(data, field)
        if unknown := [name for name in asked if name not in names]:
            raise ValueError(f"unknown actuator {unknown[0]}")
        if len(asked) != len(names):
            raise ValueError("not every actuator once")
        return Command([names.index(name) for name in asked], np.array(list(asked.values())), stamp_ns)

    return Driver(connect, kinds, decode)


def trajectory(
    names: list[str], values: list[float], time_from_start: float, stamp_ns: int, field: str = POSITIONS
) -> bytes:
    """A serialized trajectory of one point, which has the values in that field."""
    seconds, rest = divmod(round(time_from_start * 1e9), 1_000_000_000)
    point = JointTrajectoryPoint(time_from_start=Duration(sec=seconds, nanosec=rest), **{field: values})
    message = JointTrajectory(joint_names=names, points=[point])
    set_stamp(message.header.stamp, stamp_ns)
    data: bytes = serialize_message(message)
    return data


def trajectory_values(data: bytes, field: str = POSITIONS) -> tuple[dict[str, float], int]:
    """A field's values by name and the stamp, ns, of a serialized trajectory of one point.

    Raises:
        ValueError: it is none, or not finite.
    """
    message = deserialize_message(data, JointTrajectory)
    if len(message.points) != 1 or len(getattr(message.points[0], field)) != len(message.joint_names):
        raise ValueError(f"not one point with {_FIELDS[field]} for each joint")
    if len(set(message.joint_names)) != len(message.joint_names):
        raise ValueError("a joint more than once")
    values = dict(zip(message.joint_names, getattr(message.points[0], field), strict=True))
    if not np.isfinite(list(values.values())).all():
        raise ValueError("not finite")
    return values, nanoseconds(message.header.stamp)


def check_word(parameter: str, word: str, known: tuple[str, ...]) -> None:
    """Raise DactylError if a driver does not know a parameter's word."""
    if word not in known:
        raise DactylError(f"parameter {parameter} = {word!r} is none of: {', '.join(known)}")


class TopicInterface:
    """A robot behind ROS 2 topics: controllers, a bridge to ROS 1, or the simulator."""

    def __init__(
        self,
        node: Node,
        kinds: Mapping[str, type],
        encode: Encode,
        connection: Connection,
        on_joint_states: OnJointStates,
        on_temperature: OnTemperature,
        temperature: Temperature | None = None,
    ) -> None:
        """
        Args:
            node: that subscribes and publishes.
            kinds: message type of each command's topic, by the robot's own names.
            encode: what to send.
            connection: whether commands carry the control tick instead of 0, who else may speak, names of topics.
            on_joint_states: called with each message.
            on_temperature: called with each motor's temperature.
            temperature: finds them on /diagnostics; None: they are not there.
        """
        self._encode, self._stamped = encode, connection.stamped
        self._sent: tuple[np.ndarray, int] | None = None
        self._commands: dict[str, bytes] = {}
        self._on_joint_states, self._on_temperature = on_joint_states, on_temperature
        self._temperature = temperature
        self._node = node
        names = names_of(kinds, connection.commands)
        self.publishers = {topic: node.create_publisher(kind, names[topic], RELIABLE) for topic, kind in kinds.items()}
        self.peers = Peers(node, names.values(), connection.tolerated, connection.joint_states)
        self._subscriptions = [node.create_subscription(JointState, connection.joint_states, self._receive, JOINTS)]
        if temperature:
            heard = node.create_subscription(DiagnosticArray, topics.DIAGNOSTICS, self._receive_diagnostics, RELIABLE)
            self._subscriptions.append(heard)

    def send(self, targets: np.ndarray, stamp_ns: int) -> None:
        stamp_ns = stamp_ns if self._stamped else 0
        if self._sent is None or stamp_ns != self._sent[1] or not np.array_equal(targets, self._sent[0]):
            self._sent = (targets, stamp_ns)
            self._commands = self._encode(targets, stamp_ns)
        for topic, command in self._commands.items():
            self.publishers[topic].publish(command)

    def poll(self) -> None:
        """The executor calls back."""

    def problem(self) -> str:
        return self.unreachable()

    def unreachable(self) -> str:
        return self.peers.untaken()

    def conflict(self) -> str:
        return self.peers.conflict()

    def untold(self) -> str:
        return ""

    def unseen(self) -> str:
        return ""

    def close(self) -> None:
        for publisher in self.publishers.values():
            self._node.destroy_publisher(publisher)
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def _receive(self, message: JointState) -> None:
        stamp_ns = nanoseconds(message.header.stamp)
        self._on_joint_states(JointStates(stamp_ns, message.name, message.position, message.effort))

    def _receive_diagnostics(self, message: DiagnosticArray) -> None:
        assert self._temperature is not None
        for status in message.status:
            if found := self._temperature(status.name, {pair.key: pair.value for pair in status.values}):
                self._on_temperature(*found)
