"""What to go by for a moment when a pose cannot be believed: the last ones, which the object's motion carries on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dactyl.maths import quaternion

_NEAR_NS = 250_000_000  # two poses further apart say nothing about the motion now
_FAST, _FAST_TURN = 1.5, 10.0  # m/s and rad/s: two poses that differ by more are of no motion, but one of them is wrong


class Believed(NamedTuple):
    """A pose that the network was sure of."""

    stamp_ns: int
    position: np.ndarray
    """(3,) m, robot frame"""
    orientation: np.ndarray
    """(4,)"""


class Bridge:
    """The last believed poses, carried on at constant velocity for a limited time."""

    def __init__(self, limit_ns: int) -> None:
        """`limit_ns`: how long after the last believed pose it still answers; 0: never."""
        self._limit_ns = limit_ns
        self._last: Believed | None = None
        self._before: Believed | None = None

    def believe(self, stamp_ns: int, position: np.ndarray, orientation: np.ndarray) -> None:
        """Take a pose that can be believed. One that is older than the last is left out."""
        if self._last is None or stamp_ns > self._last.stamp_ns:
            self._before, self._last = self._last, Believed(stamp_ns, position, orientation)

    def at(self, stamp_ns: int) -> Believed | None:
        """The pose that the last ones lead to at a later time; None where that is too long ago, or there is none.

        A bridged pose is never believed, so that guesses do not lead to further guesses.
        """
        last, before = self._last, self._before
        if last is None or not 0 < stamp_ns - last.stamp_ns <= self._limit_ns:
            return None
        if before is None or last.stamp_ns - before.stamp_ns > _NEAR_NS:
            return last._replace(stamp_ns=stamp_ns)
        between, moved = last.stamp_ns - before.stamp_ns, last.position - before.position
        turned = quaternion.difference_angle(last.orientation, before.orientation)
        if np.linalg.norm(moved) > 1e-9 * between * _FAST or turned > 1e-9 * between * _FAST_TURN:
            return last._replace(stamp_ns=stamp_ns)
        share = (stamp_ns - before.stamp_ns) / between
        position = before.position + share * moved
        orientation = quaternion.slerp(before.orientation, last.orientation, share)
        return Believed(stamp_ns, position, quaternion.canonical(quaternion.normalize(orientation)))
