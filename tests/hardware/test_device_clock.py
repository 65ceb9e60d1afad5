"""A device's clock in terms of this machine's."""

from __future__ import annotations

import random

from dactyl.hardware.device_clock import WINDOW_NS, DeviceClock

MS = 1_000_000


def test_delays_do_not_reach_the_stamps() -> None:
    """Protects against network jitter: after the first quick message no stamp is off by more than the quickest took."""
    clock, generator = DeviceClock(), random.Random(0)
    for i in range(2_000):
        happened = 1_000 * MS + i * 4 * MS
        arrival = happened + 2 * MS + round(generator.expovariate(0.2) * MS)
        stamp = clock.here(happened - 999 * MS, arrival)
        assert stamp <= arrival
        if i > 50:
            assert abs(stamp - happened - 2 * MS) < MS


def test_a_drift_is_followed() -> None:
    """Protects long runs: quartz clocks part by tens of µs a second."""
    clock = DeviceClock()
    for i in range(100_000):
        happened = i * 4 * MS
        stamp = clock.here(round(happened * (1 + 5e-5)), happened + MS)
        assert abs(stamp - happened - MS) < 2 * WINDOW_NS * 5e-5 + 1


def test_a_clock_that_starts_again_is_found_anew() -> None:
    """Protects a run from a server that was started again, or a clock of this machine that was set."""
    clock = DeviceClock()
    assert clock.here(500 * MS, 10_000 * MS) == 10_000 * MS
    assert clock.here(1 * MS, 10_004 * MS) == 10_004 * MS
    assert clock.here(5 * MS, 90_000 * MS) == 90_000 * MS
    assert clock.here(9 * MS, 20_000 * MS) == 20_000 * MS
