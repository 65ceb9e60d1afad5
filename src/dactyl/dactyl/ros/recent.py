"""What was counted lately: so that a warning ends when its reason has."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

WINDOW = 10.0
"""s"""


class Recent:
    """Looks at counters that only grow, now and then, and says by how much they have grown within the window."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, dict[str, int]]] = deque([(-WINDOW, {})])

    def grown(self, counts: Mapping[str, int], now: float) -> dict[str, int]:
        """Of the counts, those that have grown, and by how much. `now`: s of a clock that is never set back."""
        while len(self._looks) > 1 and self._looks[1][0] <= now - WINDOW:
            self._looks.popleft()
        before = self._looks[0][1]
        self._looks.append((now, dict(counts)))
        return {name: count - before.get(name, 0) for name, count in counts.items() if count > before.get(name, 0)}
