"""Who else commands the hand where no graph tells: by what is on its topic and was not sent from here."""

from __future__ import annotations

from collections import deque

import numpy as np

REMEMBERED = 2.0
"""s that what was sent is remembered, and that a stranger counts as there."""
_SAME = 1e-4
"""rad between numbers that were written and read again."""


class Commanders:
    """Compares what is commanded on one topic with what was sent. Times are s of a clock that is never set back."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self._sent: deque[tuple[float, np.ndarray]] = deque()
        self._strange: float | None = None

    def sent(self, positions: np.ndarray, now: float) -> None:
        """Remember what is sent now, (n,) rad."""
        while self._sent and now - self._sent[0][0] > REMEMBERED:
            self._sent.popleft()
        if not self._sent or not np.array_equal(self._sent[-1][1], positions):
            self._sent.append((now, positions))
        else:
            self._sent[-1] = (now, positions)

    def heard(self, positions: np.ndarray, now: float) -> None:
        """Take what was commanded by somebody, (n,) rad."""
        own = np.array([sent for time, sent in self._sent if now - time <= REMEMBERED])
        if own.shape[1:] != positions.shape or not (np.abs(own - positions).max(axis=1) < _SAME).any():
            self._strange = now

    def conflict(self, now: float) -> str:
        """Who commands the hand besides; empty if nobody does."""
        if self._strange is None or now - self._strange > REMEMBERED:
            return ""
        return f"another program commands the hand on {self.topic}, in the ROS behind rosbridge"
