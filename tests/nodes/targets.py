"""The joint targets of a running graph, as the hand would get them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from trajectory_msgs.msg import JointTrajectory

from dactyl import topics
from dactyl.robot.driver import JointOrder
from dactyl.robots.shadow import ROBOT
from dactyl.robots.shadow import topics as names
from dactyl.robots.shadow.ros import decode

STEP, RATE = 0.8, 5.0  # config/real.yaml: the way back of a hold, and how fast it is
HELD = 0.02
"""rad; a simulation that a busy machine stops for a moment is held anew afterwards, where it is then."""
LATE = 0.016
"""s between the moments for which two targets were computed and at which they were sent, on a busy machine."""
LAGS = (1, 2, 5, 10, 20, 40)
"""Commands between the two ends of a way whose speed is checked."""


class Targets:
    """When the fingers' targets changed, by the driver's own sending times, and how fast they and the wrist's went."""

    def __init__(self, node: Node, simulated: bool = True) -> None:
        self.last, self.last_ns, self.changed_ns = np.empty(0), 0, 0
        self.changes = 0
        self.actuators: list[int] = []
        self._sent: dict[str, list[tuple[int, np.ndarray]]] = {names.FINGERS: [], names.WRIST: []}
        for topic in self._sent:
            heard = topics.of_simulated_hand(topic) if simulated else topic
            receive = partial(self._receive, topic)
            qos = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
            node.create_subscription(
                JointTrajectory, heard, lambda data, info, receive=receive: receive(data, info), qos, raw=True
            )

    def _receive(self, topic: str, data: bytes, info: Any) -> None:
        actuators, targets, _ = decode(topic, data)
        self._sent[topic].append((info["source_timestamp"], targets))
        if topic == names.WRIST:
            return
        self.actuators, self.last_ns = actuators, info["source_timestamp"]
        if targets.shape != self.last.shape or np.abs(targets - self.last).max() > HELD:
            self.last, self.changed_ns = targets, self.last_ns
            self.changes += 1

    def check_speed(self) -> None:
        """No target came sooner than the rate allows, over one command's time and over many."""
        speeds: dict[int, float] = dict.fromkeys(LAGS, 0.0)
        for sent in self._sent.values():
            times = np.array([time for time, _ in sent]) * 1e-9
            targets = np.array([targets for _, targets in sent])
            for lag in LAGS:
                way, took = np.abs(targets[lag:] - targets[:-lag]).max(axis=1), times[lag:] - times[:-lag]
                early = (way / RATE - took).max()
                assert early < LATE, f"{early:.3f} s sooner than the rate allows, over {lag} commands"
                speeds[lag] = max(speeds[lag], float((way / took).max()))
        fastest = speeds[LAGS[-1]]
        count = sum(map(len, self._sent.values()))
        print(f"fastest target over 0.3 s: {fastest:.2f} rad/s, of {count} commands")
        assert fastest > 0.2 * RATE, "or nothing was tried"

    def off(self, readings: list[tuple[int, Sequence[str], np.ndarray]], since_ns: int) -> float:
        """How far the last targets are from where the hand was read between a moment and theirs, at best, rad.

        Args:
            readings: when each was sent, ns; names of its joints; their angles, rad.
            since_ns: from here on.
        """
        order, limits = JointOrder(ROBOT), ROBOT.actuator_limits.T
        read = [
            ROBOT.actuator_positions(order.angles(joints, angles))
            for time, joints, angles in readings
            if since_ns <= time <= self.last_ns
        ]
        return float(np.abs(np.clip(read, *limits)[:, self.actuators] - self.last).max(axis=1).min())
