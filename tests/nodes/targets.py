"""The joint targets of a running graph, as the hand would get them."""

from __future__ import annotations

from typing import Any

import numpy as np
from rclpy.node import Node
from trajectory_msgs.msg import JointTrajectory

from dactyl import topics
from dactyl.robot.driver import JointOrder
from dactyl.robots.shadow import ROBOT
from dactyl.robots.shadow import topics as names
from dactyl.robots.shadow.ros import decode
from dactyl.ros import messages

STEP, RATE = 0.8, 5.0  # config/real.yaml: the way back of a hold, and how fast it is
HELD = 0.02
"""rad; a simulation that a busy machine stops for a moment is held anew afterwards, where it is then."""
WINDOW_NS = 80_000_000
"""Over which speeds are told: between two commands a busy machine may lie less time than between their moments."""


class Targets:
    """When the fingers' targets changed, by the driver's own sending times, and how fast they went."""

    def __init__(self, node: Node, topic: str = topics.of_simulated_hand(names.FINGERS)) -> None:
        self.last, self.last_ns, self.changed_ns = np.empty(0), 0, 0
        self.changes = 0
        self.actuators: list[int] = []
        self._sent: list[tuple[int, np.ndarray]] = []
        node.create_subscription(JointTrajectory, topic, self._receive, messages.RELIABLE, raw=True)

    def _receive(self, data: bytes, info: Any) -> None:
        self.actuators, targets, _ = decode(names.FINGERS, data)
        self.last_ns = info["source_timestamp"]
        self._sent.append((self.last_ns, targets))
        if targets.shape != self.last.shape or np.abs(targets - self.last).max() > HELD:
            self.last, self.changed_ns = targets, self.last_ns
            self.changes += 1

    def fastest(self) -> float:
        """rad/s of any target, over a control step or more."""
        times = np.array([time for time, _ in self._sent])
        targets = np.array([targets for _, targets in self._sent])
        later = np.searchsorted(times, times + WINDOW_NS)
        ended = later < len(times)
        first, second = np.flatnonzero(ended), later[ended]
        way = np.abs(targets[second] - targets[first]).max(axis=1)
        return float((way / (times[second] - times[first]) * 1e9).max())

    def check_speed(self) -> None:
        """None was faster than the configured rate; a command may be late by a quarter of the window."""
        fastest = self.fastest()
        print(f"fastest target: {fastest:.2f} rad/s over 80 ms, {len(self._sent)} commands")
        assert 0.2 * RATE < fastest < 1.25 * RATE

    def off(self, joints: list[str], readings: np.ndarray) -> float:
        """How far the last targets are from where the hand was read, at the reading nearest to them, rad."""
        order, limits = JointOrder(ROBOT), ROBOT.actuator_limits.T
        read = [ROBOT.actuator_positions(order.angles(joints, angles)) for angles in readings]
        return float(np.abs(np.clip(read, *limits)[:, self.actuators] - self.last).max(axis=1).min())
