"""The Shadow hand behind rosbridge: JSON over a WebSocket to the ROS 1 that Shadow's own software runs in."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
import roslibpy

from dactyl import topics
from dactyl.errors import DactylError
from dactyl.robot.driver import JointStates, OnJointStates, OnTemperature
from dactyl.robots.shadow.joints import ros_joint_name
from dactyl.robots.shadow.protocol import POSITIONS, TRAJECTORIES, motor_temperature, positions_of

RECONNECT = 0.5  # s between attempts
SILENCE = 1.0  # s that a ping may go unanswered before the connection counts as lost


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
    ) -> None:
        """Begin to connect.

        Args:
            address: host:port of the rosbridge server.
            interface: trajectory or position, which of Shadow's controllers take the targets.
            time_from_start: that a trajectory gives the hand to reach its target, s.
            on_joint_states: called by `poll` with each joint_states message.
            on_temperature: called by `poll` with a motor's index and its temperature in degrees Celsius.

        Raises:
            DactylError: the address is none.
        """
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal():
            raise DactylError(f"rosbridge_address must be host:port, not {address!r}")
        self._address, self._interface = address, interface
        seconds = int(time_from_start)
        self._time_from_start = {"secs": seconds, "nsecs": round((time_from_start - seconds) * 1e9)}
        self._on_joint_states, self._on_temperature = on_joint_states, on_temperature
        self._received: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._ros = _Ros(host, int(port), transport="asyncio")  # twisted's loop could run only once in a process
        commands, kind = (TRAJECTORIES, "JointTrajectory") if interface == "trajectory" else (POSITIONS, "Float64")
        package = "trajectory_msgs" if interface == "trajectory" else "std_msgs"
        self._topics = {topic: self._topic(topic, f"{package}/{kind}") for topic in commands}
        for topic in self._topics.values():
            topic.advertise()
        self._listen(topics.JOINT_STATES, "sensor_msgs/JointState", self._take_joint_states)
        self._listen(topics.DIAGNOSTICS, "diagnostic_msgs/DiagnosticArray", self._take_diagnostics)

    def send(self, targets: np.ndarray, stamp_ns: int) -> None:
        """Send targets, or nothing where there is no connection. `stamp_ns` is not sent: a trajectory begins now."""
        if not self._ros.is_connected:
            return
        if self._interface == "position":
            for topic, i in POSITIONS.items():
                self._topics[topic].publish({"data": float(targets[i])})
            return
        for topic, joints in TRAJECTORIES.items():
            self._topics[topic].publish(
                {
                    "header": {"stamp": {"secs": 0, "nsecs": 0}},
                    "joint_names": [ros_joint_name(joint) for joint in joints],
                    "points": [
                        {
                            "positions": positions_of(joints, targets),
                            "time_from_start": self._time_from_start,
                        }
                    ],
                }
            )

    def poll(self) -> None:
        while True:
            try:
                take = self._received.get_nowait()
            except Empty:
                return
            take()

    def problem(self) -> str:
        return "" if self._ros.is_connected else f"no connection to rosbridge at {self._address}"

    def close(self) -> None:
        self._ros.factory.maxRetries = 0
        if self._ros.is_connected:
            time.sleep(0.05)  # what was sent last is still being written by the library's thread
            self._ros.close()

    def _topic(self, name: str, kind: str) -> roslibpy.Topic:
        return roslibpy.Topic(self._ros, name, kind, queue_size=1, queue_length=1)

    def _listen(self, name: str, kind: str, take: Callable[[Mapping[str, Any]], None]) -> None:
        """Let a topic's messages wait for `poll`: they come in the library's thread."""
        self._topic(name, kind).subscribe(lambda message: self._received.put(partial(take, message)))

    def _take_joint_states(self, message: Mapping[str, Any]) -> None:
        stamp = message.get("header", {}).get("stamp", {})
        stamp_ns = stamp.get("secs", 0) * 1_000_000_000 + stamp.get("nsecs", 0)
        fields = (message.get(name) or [] for name in ("name", "position", "effort"))
        self._on_joint_states(JointStates(stamp_ns, *fields))

    def _take_diagnostics(self, message: Mapping[str, Any]) -> None:
        for status in message.get("status", []):
            values = {pair["key"]: pair["value"] for pair in status.get("values", [])}
            if found := motor_temperature(status.get("name", ""), values):
                self._on_temperature(*found)


class _Ros(roslibpy.Ros):
    """With what has to be set before the first connection."""

    def connect(self) -> None:
        factory = self.factory
        factory.initialDelay = factory.maxDelay = RECONNECT
        factory.setProtocolOptions(
            perMessageCompressionOffers=[],  # it would take milliseconds, to save what a local network has
            tcpNoDelay=True,
            autoPingInterval=SILENCE,
            autoPingTimeout=SILENCE,
        )
        super().connect()
