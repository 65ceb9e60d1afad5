"""Which actions a node lets through: finite, in range, newer than the last one."""

from __future__ import annotations

from collections import Counter

import numpy as np

REPEATED = "repeated"
_TOLERANCE = 1e-5  # float32 sums of numbers in [-1, 1]


class ActionGate:
    """Judges actions one by one and counts what it refuses.

    Order goes by the stamps. A sequence that starts again is a new trial, or a policy that was started again, even
    where the action 0 itself was lost.
    """

    def __init__(self) -> None:
        self.refused: Counter[str] = Counter()
        self.lost = 0
        """Actions that never came, going by the sequence."""
        self.begins = False
        """Whether the action admitted last is the first one of a sequence."""
        self._sequence = -1
        self._stamp_ns = -1
        self._start_ns = -1

    def admit(self, action: np.ndarray, sequence: int, stamp_ns: int) -> str | None:
        """Take an action (20,) of this sequence number and tick, or say why it is refused."""
        reason = self._fault(action, sequence, stamp_ns)
        if reason:
            self.refused[reason] += 1
            return reason
        self.begins = sequence <= self._sequence or sequence == 0
        if self.begins:
            self._start_ns = stamp_ns
        elif self._sequence >= 0:
            self.lost += sequence - self._sequence - 1
        self._sequence, self._stamp_ns = sequence, stamp_ns
        return None

    def _fault(self, action: np.ndarray, sequence: int, stamp_ns: int) -> str | None:
        largest = float(np.abs(action).max())
        if not np.isfinite(largest):
            return "not finite"
        if largest > 1.0 + _TOLERANCE:
            return "out of range"
        if (sequence, stamp_ns) in ((self._sequence, self._stamp_ns), (0, self._start_ns)):
            return REPEATED
        if sequence == 0:  # the clock may have restarted too
            return None
        return None if stamp_ns > self._stamp_ns else "out of order"
