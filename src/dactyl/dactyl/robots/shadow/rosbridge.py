"""The Shadow hand behind rosbridge: JSON over a WebSocket to the ROS 1 that Shadow's own software runs in."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
import roslibpy
from roslibpy.comm.comm_asyncio import AsyncioRosBridgeProtocol

from dactyl import topics
from dactyl.robot.driver import OnJointStates, OnTemperature
from dactyl.robots.shadow import json_messages
from dactyl.robots.shadow.commanders import Commanders
from dactyl.robots.shadow.joints import ros_joint_name
from dactyl.robots.shadow.protocol import POSITIONS, TRAJECTORIES, positions_of
from dactyl.robots.shadow.rosapi import OtherNodes, Question

LOOK = 100  # ms between looks at what is commanded
RECONNECT = 0.5  # s between attempts
COMPLAIN = 5.0  # s that what could not be read is said
PING_SILENCE = 1.0  # s that a ping may go unanswered before the connection counts as lost


class RosbridgeHand:
    """A `robot.driver.Interface` that connects, and connects again, by itself.

    Nothing is kept for later while there is no connection: targets that are late are wrong. The library would keep
    them, and send them all at once when the connection is back.
    """

    def __init__(
        self,
        address: str,
        interface: str,
        time_from_start: float,
        on_joint_states: OnJointStates,
        on_temperature: OnTemperature,
        tolerated: Sequence[str] = (),
        conflict: Callable[[], str] = str,
        closed: Callable[[], object] = str,
    ) -> None:
        """Begin to connect.

        Args:
            address: host:port or ws://host:port of the rosbridge server.
            interface: trajectory, position or ros2_control: which controllers take the targets.
            time_from_start: that a trajectory gives the hand to reach its target, s.
            on_joint_states: called by `poll` with each joint_states message.
            on_temperature: called by `poll` with a motor's index and its temperature in degrees Celsius.
            tolerated: nodes behind rosbridge that may also publish on the hand's topics: an arm's.
            conflict: which other node in ROS 2 hands on joint states of this hand.
            closed: called when the connection is given up.

        Raises:
            DactylError: the address is none.
        """
        host, port = json_messages.server(address)
        self._address, self._time_from_start = address, time_from_start
        self._on_joint_states, self._on_temperature = on_joint_states, on_temperature
        self._in_ros2, self._closed = conflict, closed
        self._trajectories = TRAJECTORIES.get(interface, {})
        self._commanders = Commanders(next(iter(self._trajectories or POSITIONS)))
        self._received: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._complaint = ("", 0.0)
        """What could not be read last, and when, monotonic s."""
        self._words = json_messages.ROS1
        """Of the ROS at the other end, as joint states tell: before they come, nothing is sent."""
        self._ros = _Ros(host, port, self._complain)
        kind = "trajectory_msgs/JointTrajectory" if self._trajectories else "std_msgs/Float64"
        for topic in self._trajectories or POSITIONS:
            self._advertise(topic, kind)
        self._listen(topics.JOINT_STATES, "sensor_msgs/JointState", self._take_joint_states)
        self._listen(topics.DIAGNOSTICS, "diagnostic_msgs/DiagnosticArray", self._take_diagnostics)
        commands = self._trajectories or POSITIONS
        self._nodes = OtherNodes(topics.JOINT_STATES, commands, tolerated, self._ros.ask)
        self._advertise(self._nodes.own_topic, "std_msgs/Empty")
        for question in self._nodes.questions:
            self._await_answers(question)
        watched = self._commanders.topic  # sends back what this hand sends, too
        self._listen(watched, kind, self._take_command, throttle_rate=LOOK)

    def send(self, targets: np.ndarray, stamp_ns: int) -> None:
        """Send targets, or nothing where there is no connection. `stamp_ns` is not sent: a trajectory begins now."""
        if not self._ros.is_connected:
            return
        for topic, message in self._messages(targets).items():
            if topic == self._commanders.topic:
                self._commanders.sent(json_messages.positions(message), time.monotonic())
            self._ros.publish(topic, message)

    def _messages(self, targets: np.ndarray) -> dict[str, dict[str, Any]]:
        """What to send on each topic."""
        if not self._trajectories:
            return {topic: {"data": float(targets[i])} for topic, i in POSITIONS.items()}
        return {
            topic: {
                "header": {"stamp": json_messages.duration(0.0, self._words)},
                "joint_names": [ros_joint_name(joint) for joint in joints],
                "points": [
                    {
                        "positions": positions_of(joints, targets),
                        "time_from_start": json_messages.duration(self._time_from_start, self._words),
                    }
                ],
            }
            for topic, joints in self._trajectories.items()
        }

    def poll(self) -> None:
        self._nodes.look(time.monotonic())
        while True:
            try:
                take = self._received.get_nowait()
            except Empty:
                return
            take()

    def problem(self) -> str:
        what, when = self._complaint
        return self._lost() or (what if time.monotonic() - when < COMPLAIN else "") or self.unreachable()

    def unreachable(self) -> str:
        return self._lost() or self._nodes.untaken(time.monotonic())

    def _lost(self) -> str:
        return "" if self._ros.is_connected else f"no connection to rosbridge at {self._address}"

    def conflict(self) -> str:
        now = time.monotonic()
        return self._in_ros2() or self._nodes.conflict(now) or self._commanders.conflict(now)

    def untold(self) -> str:
        return self._nodes.untold(time.monotonic())

    def unseen(self) -> str:
        return self._nodes.unseen(time.monotonic())

    def close(self) -> None:
        self._ros.factory.maxRetries = 0
        if self._ros.is_connected:
            time.sleep(0.05)  # what was sent last is still being written by the library's thread
            self._ros.close()
        else:  # an attempt may be on its way: it would stay on the hand's topics
            self._ros.factory.on_ready(lambda connection: connection.send_close())
        self._closed()

    def _advertise(self, name: str, kind: str) -> None:
        roslibpy.Topic(self._ros, name, kind, queue_size=1, queue_length=1).advertise()

    def _await_answers(self, question: Question) -> None:
        """Let rosapi's answers wait for `poll`."""

        def take(frame: dict[str, Any]) -> None:
            self._nodes.answer(question, frame.get("values"), time.monotonic())

        self._ros.on(_call(question), lambda frame: self._received.put(partial(take, frame)))

    def _listen(self, name: str, kind: str, take: Callable[[Any], None], throttle_rate: int = 0) -> None:
        """Let a topic's messages wait for `poll`: they come in the library's thread; at most one in so many ms."""

        def read(message: Any) -> None:
            try:
                take(message)
            except ValueError as error:
                self._complain(f"{name} from rosbridge cannot be read: {error}")

        topic = roslibpy.Topic(self._ros, name, kind, queue_length=1, throttle_rate=throttle_rate)
        topic.subscribe(lambda message: self._received.put(partial(read, message)))

    def _take_joint_states(self, message: Any) -> None:
        states, self._words = json_messages.joint_states(message)
        self._on_joint_states(states)

    def _take_diagnostics(self, message: Any) -> None:
        for found in json_messages.temperatures(message):
            self._on_temperature(*found)

    def _take_command(self, message: Any) -> None:
        self._commanders.heard(json_messages.positions(message), time.monotonic())

    def _complain(self, what: str) -> None:
        self._complaint = (what, time.monotonic())


def _call(question: Question) -> str:
    """By which a question to rosapi and its answer are known."""
    return " ".join(question)


class _Ros(roslibpy.Ros):
    """With what has to be set before the first connection."""

    def __init__(self, host: str, port: int, complain: Callable[[str], None]) -> None:
        """`complain` is told, in the library's thread, of what the server complains of, and of what is no message."""
        self._complain = complain
        super().__init__(host, port, transport="asyncio")  # twisted's loop could run only once in a process

    def connect(self) -> None:
        factory = self.factory
        factory.initialDelay = factory.maxDelay = RECONNECT
        factory.protocol = partial(_Protocol, self._complain)
        factory.setProtocolOptions(
            perMessageCompressionOffers=[],  # it would take milliseconds, to save what a local network has
            tcpNoDelay=True,
            autoPingInterval=PING_SILENCE,
            autoPingTimeout=PING_SILENCE,
        )
        super().connect()

    def publish(self, topic: str, message: dict[str, Any]) -> None:
        """Publish over the connection there is. The library's own way keeps the message where that has just gone."""
        connection = self.factory._proto
        if connection is not None:
            connection.send_ros_message({"op": "publish", "topic": topic, "msg": message})

    def ask(self, question: Question) -> bool:
        """Call a service of rosapi over the connection there is; False where there is none. The answer is an event."""
        connection = self.factory._proto
        if connection is None:
            return False
        service, topic = question
        call = {"op": "call_service", "id": _call(question), "service": service, "args": {"topic": topic}}
        connection.send_ros_message(call)
        return True


class _Protocol(AsyncioRosBridgeProtocol):
    """Hands on published messages and answers. The library would log a traceback for every frame that is none."""

    def __init__(self, complain: Callable[[str], None]) -> None:
        super().__init__()
        self._complain = complain

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802
        try:
            frame = json.loads(payload)
            operation = frame["op"]
            if operation == "publish":
                self.factory.emit(str(frame["topic"]), frame.get("msg"))
            elif operation == "service_response":
                self.factory.emit(str(frame["id"]), frame)
            elif operation == "status":
                self._complain(f"rosbridge says: {' '.join(str(frame.get('msg')).split())}")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self._complain(f"rosbridge sent what is no message: {payload[:40]!r}")
