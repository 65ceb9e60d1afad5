"""Control ticks: when, going by the stamps of the sensors, a control step begins."""

from __future__ import annotations

_CLOCK_RESTARTED_NS = 1_000_000_000  # further back than any reordering


class Ticks:
    """Slots of a control step, counted from the clock's zero: so all nodes and the simulator are in phase.

    A control step is due with the first reading whose stamp lies in a new slot.
    """

    def __init__(self, period: float) -> None:
        """`period`: s of a control step, see `robot.Timing`."""
        self._period_ns = round(period * 1e9)
        self.slot: int | None = None
        """The slot of the last control step."""

    def due(self, stamp_ns: int) -> bool:
        """Whether a reading of this time begins a control step; if so, its slot is taken."""
        slot = stamp_ns // self._period_ns
        if self.slot is not None and self.slot - _CLOCK_RESTARTED_NS // self._period_ns < slot <= self.slot:
            return False
        self.slot = slot
        return True

    def overdue(self, now_ns: int, grace_ns: int) -> int | None:
        """The time of the control step that no reading came for in time, its slot taken; None if there is none.

        More than a second without readings counts as a stream that has ended, not as a late one.
        """
        if self.slot is None:
            return None
        next_ns = (self.slot + 1) * self._period_ns
        if not grace_ns <= now_ns - next_ns < _CLOCK_RESTARTED_NS:
            return None
        self.slot += 1
        return next_ns
