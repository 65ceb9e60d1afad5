"""How often the same question may be asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

MOST = 10_000
"""Questions that are remembered."""


class PollLimit:
    """Answers one question once in an interval; whoever asks sooner has to wait."""

    def __init__(self, interval: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`interval`: s between two answers."""
        self._interval, self._clock = interval, clock
        self._answered: dict[Hashable, float] = {}

    def wait(self, question: Hashable) -> float:
        """s to wait before this question is answered again; 0: it is answered now, and counts."""
        now = self._clock()
        answered = self._answered.get(question)
        if answered is not None and (left := answered + self._interval - now) > 0:
            return left
        if len(self._answered) >= MOST:
            self._answered = {key: at for key, at in self._answered.items() if now - at < self._interval}
        self._answered[question] = now
        return 0.0
