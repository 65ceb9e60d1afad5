"""Which actions are taken, one after the other. No ROS, no clock."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

REPEATED = "repeated"
OUT_OF_ORDER = "out of order"
_TOLERANCE = 1e-5  # float32 sums of numbers in [-1, 1]


class _Place(NamedTuple):
    """Of an action in the order of actions."""

    sequence: int
    stamp_ns: int


_NONE = _Place(-1, -1)


class ActionGate:
    """Judges actions one by one and counts what it refuses: finite, in range, newer than the last one.

    Order goes by the stamps. A sequence that starts again is a new trial, or a policy that was started again, even
    where the action 0 itself was lost. A stamp that lies ahead does not shut out all that follow: two actions that are
    in order with each other are believed, and that stamp is not.
    """

    def __init__(self, actuators: int) -> None:
        """`actuators`: how many numbers an action must have."""
        self.refused: Counter[str] = Counter()
        self.lost = 0
        """Actions that never came, going by the sequence."""
        self.begins = False
        """Whether the action admitted last is the first one of a sequence."""
        self._actuators = actuators
        self._last = self._first = self._doubted = _NONE

    def admit(self, action: np.ndarray, sequence: int, stamp_ns: int, start: np.ndarray | None = None) -> str | None:
        """Take an action (A,) of this sequence number and tick, or say why it is refused.

        `start`: where its smoothing begins, (A,), or empty; judged as the action is.
        """
        place = _Place(sequence, stamp_ns)
        reason = self._fault(action, place)
        if not reason and start is not None and len(start):
            reason = self._fault_of_numbers(start)
        if reason:
            self.refused[reason] += 1
            if reason == OUT_OF_ORDER:
                self._doubted = place
            return reason
        self.begins = sequence <= self._last.sequence or sequence == 0
        if self.begins:
            self._first = place
        elif self._last != _NONE:
            self.lost += sequence - self._last.sequence - 1
        self._last, self._doubted = place, _NONE
        return None

    def _fault_of_numbers(self, action: np.ndarray) -> str | None:
        if np.shape(action) != (self._actuators,):
            return f"{np.size(action)} numbers for {self._actuators} actuators"
        largest = float(np.abs(action).max())
        if not np.isfinite(largest):
            return "not finite"
        return "out of range" if largest > 1.0 + _TOLERANCE else None

    def _fault(self, action: np.ndarray, place: _Place) -> str | None:
        if reason := self._fault_of_numbers(action):
            return reason
        if place == self._last or (place == self._first and place.sequence == 0):
            return REPEATED
        if place.sequence == 0:  # the clock may have restarted too
            return None
        return None if place.stamp_ns > self._last.stamp_ns or self._follows_doubted(place) else OUT_OF_ORDER

    def _follows_doubted(self, place: _Place) -> bool:
        """Whether it is in order with the last one refused, which was itself the next of the sequence."""
        before = self._doubted
        return place.sequence > before.sequence > self._last.sequence and place.stamp_ns > before.stamp_ns
