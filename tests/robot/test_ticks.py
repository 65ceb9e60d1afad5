"""Control ticks from the stamps of sensors."""

from __future__ import annotations

from dactyl.robot.ticks import Ticks

MS = 1_000_000


def test_one_step_for_each_slot_of_80_ms() -> None:
    """Protects the control period: 8 ms readings, one decision in ten."""
    ticks = Ticks(0.08)
    due = [stamp for stamp in range(160 * MS, 480 * MS, 8 * MS) if ticks.due(stamp)]
    assert due == [160 * MS, 240 * MS, 320 * MS, 400 * MS]


def test_a_lost_reading_delays_a_step_but_shifts_no_later_one() -> None:
    """Protects the phase that the policy shares with the referee and the simulator."""
    ticks = Ticks(0.08)
    stamps = [stamp for stamp in range(0, 400 * MS, 8 * MS) if stamp != 160 * MS]
    assert [stamp // MS for stamp in stamps if ticks.due(stamp)] == [0, 80, 168, 240, 320]


def test_an_old_reading_begins_no_step() -> None:
    """Protects against acting twice in a slot."""
    ticks = Ticks(0.08)
    assert ticks.due(800 * MS)
    assert not ticks.due(800 * MS)
    assert not ticks.due(792 * MS)


def test_a_clock_that_restarts_is_followed() -> None:
    """Protects a node that outlives a simulation from waiting for its old time to come again."""
    ticks = Ticks(0.08)
    assert ticks.due(3_600_000 * MS)
    assert ticks.due(80 * MS)


def test_an_overdue_step_is_taken_once_and_at_its_own_time() -> None:
    """Protects the fallback: it acts on time for a reading that comes late, which then begins no second step."""
    ticks = Ticks(0.08)
    assert ticks.due(160 * MS)
    assert ticks.overdue(255 * MS, grace_ns=20 * MS) is None
    assert ticks.overdue(260 * MS, grace_ns=20 * MS) == 240 * MS
    assert ticks.overdue(261 * MS, grace_ns=20 * MS) is None
    assert not ticks.due(248 * MS)
    assert ticks.due(320 * MS)


def test_a_stream_that_ended_is_not_overdue() -> None:
    """Protects against steps by a clock that has nothing to do with the readings' stamps."""
    ticks = Ticks(0.08)
    assert ticks.overdue(1000 * MS, grace_ns=20 * MS) is None
    ticks.due(160 * MS)
    assert ticks.overdue(10_000 * MS, grace_ns=20 * MS) is None
