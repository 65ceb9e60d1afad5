"""A robot's joint angles as they come: which of them can be true, and those of earlier ticks. No ROS, no clock."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import NamedTuple

import numpy as np

from dactyl.robot.gate import REPEATED
from dactyl.robot.robot import Robot

JUMP = "joint states jump"
SPEED_SLACK = 0.1
"""rad that an angle may differ from the one before, whatever the time between them: noise, and stamps that are late."""
_RANGE_MARGIN = 0.5
"""rad beyond its range at which a joint's angle cannot be true: degrees for radians, a broken sensor."""
_HISTORY = 64  # readings, 0.5 s
_CLOCK_RESTARTED_NS = 1_000_000_000  # further back than any reordering
_CYCLES = 3
"""Readings in a row that may be lost or false without the next true one counting as a jump."""


class Reading(NamedTuple):
    """Joint angles, (J,) rad."""

    stamp_ns: int
    angles: np.ndarray


class Readings:
    """The believable readings of the last half second.

    An angle that differs from the last believed one by more than the joint can have turned is a jump. A run of such
    readings is refused to its end, however long: only silence makes room for a larger difference.
    """

    def __init__(self, robot: Robot, max_speed: float) -> None:
        """`max_speed`: of any joint, rad/s."""
        limits = robot.joint_limits
        self._lower, self._upper = limits[:, 0] - _RANGE_MARGIN, limits[:, 1] + _RANGE_MARGIN
        self._max_speed = max_speed
        self._grace_ns = round(_CYCLES * robot.timing.physics * 1e9)
        self._kept: deque[Reading] = deque(maxlen=_HISTORY)
        self.read_ns: int | None = None
        """When the last believed one came, on this machine's clock; None: there is none."""
        self.jumped_ns: int | None = None
        """When the last jump came."""
        self.restarted = False
        """Whether the one believed last is the first after the sender's clock was set back."""
        self._heard_ns = 0

    @property
    def newest(self) -> Reading | None:
        """The last believed one."""
        return self._kept[-1] if self._kept else None

    def at(self, stamp_ns: int) -> Reading | None:
        """The last one of this stamp or before."""
        return next((reading for reading in reversed(self._kept) if reading.stamp_ns <= stamp_ns), None)

    def add(self, reading: Reading, now_ns: int, anew: bool) -> str | None:
        """Take a reading that came now; why it is not believed, if it is not.

        `anew`: nothing is asked of the robot, so that after a jump the readings are believed from there on.
        """
        newest = self.newest
        if newest and reading.stamp_ns == newest.stamp_ns:
            return REPEATED
        if reason := self._fault(reading, newest):
            return reason
        jumps, self._heard_ns = self._jumps(reading, newest, now_ns), now_ns
        if jumps:
            self.jumped_ns = now_ns
            if not anew:
                return JUMP
        self.restarted = newest is not None and reading.stamp_ns < newest.stamp_ns
        if self.restarted or jumps:
            self._kept.clear()
        self._kept.append(reading)
        self.read_ns = now_ns
        return None

    def _fault(self, reading: Reading, newest: Reading | None) -> str:
        if np.shape(reading.angles) != self._lower.shape:
            return "joint states of wrong length"
        if not np.isfinite(reading.angles).all():
            return "joint states not finite"
        if not ((self._lower <= reading.angles) & (reading.angles <= self._upper)).all():
            return "joint states out of range"
        if newest and newest.stamp_ns - _CLOCK_RESTARTED_NS < reading.stamp_ns < newest.stamp_ns:
            return "joint states out of order"
        return ""

    def _jumps(self, reading: Reading, newest: Reading | None, now_ns: int) -> bool:
        if newest is None or self._max_speed == inf:
            return False
        assert self.read_ns is not None
        believed = max(now_ns - self.read_ns, reading.stamp_ns - newest.stamp_ns)  # of a burst only stamps tell
        gap_ns = max(now_ns - self._heard_ns, min(believed, self._grace_ns))
        most = self._max_speed * gap_ns * 1e-9 + SPEED_SLACK
        return bool(np.abs(reading.angles - newest.angles).max() > most)
