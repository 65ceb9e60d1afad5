"""A device's own clock in terms of this machine's: what arrived late was not measured late."""

from __future__ import annotations

WINDOW_NS = 5_000_000_000
"""For so long, and up to twice that, the quickest message says how the clocks differ: then they have drifted apart."""


class DeviceClock:
    """Follows the difference between two clocks by the messages that took the shortest time."""

    def __init__(self) -> None:
        self._begun_ns = 0
        self._smallest: list[int] = []
        """Smallest differences, this clock's minus the device's, ns: of this window, and of the one before."""
        self._last_ns: int | None = None

    def here(self, device_ns: int, arrival_ns: int) -> int:
        """When an event happened, by this machine's clock, ns, if the quickest message took no time.

        Args:
            device_ns: when it happened, by the device's clock.
            arrival_ns: when it arrived, by this machine's.
        """
        difference = arrival_ns - device_ns
        started_again = self._last_ns is not None and device_ns < self._last_ns
        set_anew = bool(self._smallest) and abs(difference - min(self._smallest)) > WINDOW_NS
        self._last_ns = device_ns
        if not self._smallest or started_again or set_anew:
            self._smallest, self._begun_ns = [difference], arrival_ns
        elif arrival_ns - self._begun_ns > WINDOW_NS:
            self._smallest, self._begun_ns = [difference, self._smallest[0]], arrival_ns
        else:
            self._smallest[0] = min(self._smallest[0], difference)
        return device_ns + min(self._smallest)
