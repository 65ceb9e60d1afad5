"""What counts as late or irregular."""

from __future__ import annotations

import pytest

from dactyl.monitoring.timing import Quantiles, Stage, Thresholds, quantiles

MS = 1_000_000
NOW = 10**18


def stage(pauses: bool = False) -> Stage:
    return Stage(Thresholds(period=0.08, jitter=0.008, latency=0.03), window_ns=10_000 * MS, pauses=pauses)


def fill(stage: Stage, count: int = 100, period: float = 80.0, latency: float = 10.0) -> int:
    """The time after so many messages."""
    now = NOW
    for _ in range(count):
        now += round(period * MS)
        stage.add(now, now - round(latency * MS))
    return now


def test_a_good_stage_has_no_problem() -> None:
    """Protects against false alarms, which nobody looks at twice."""
    good = stage()
    now = fill(good)
    assert good.problem(now) == ""
    values = good.values()
    assert (values["period p50 (ms)"], values["jitter p99 (ms)"], values["latency max (ms)"]) == (80.0, 0.0, 10.0)
    assert values["messages"] == 99


@pytest.mark.parametrize(
    ("period", "latency", "problem"),
    [
        (100.0, 10.0, "period 100.0 ms instead of 80.0, jitter 20.0 ms, above 8"),
        (80.0, 31.0, "latency 31.0 ms, above 30"),
        (80.0, -5.0, "stamps 5.0 ms in the future: clocks are not in step"),
    ],
)
def test_broken_thresholds_are_named(period: float, latency: float, problem: str) -> None:
    """Protects against the bug that a faster computer hides: the figure and its limit are said."""
    broken = stage()
    now = fill(broken, period=period, latency=latency)
    assert broken.problem(now) == problem


def test_a_few_late_messages_count_a_rare_one_does_not() -> None:
    """Protects the meaning of a 99th percentile."""
    for count, problem in ((1, ""), (3, "jitter")):
        found = stage()
        now = fill(found, 200)
        for _ in range(count):
            now += 100 * MS
            found.add(now, now)
        assert found.problem(now).startswith(problem)
        assert bool(found.problem(now)) == bool(problem)


def test_silence_is_a_problem_unless_the_stage_may_pause() -> None:
    """Protects against a stream that ends, and trials' ends from alarms; a pause is no period."""
    for pauses, problem in ((False, "silent"), (True, "")):
        found = stage(pauses)
        now = fill(found) + 5000 * MS
        assert found.problem(now) == problem
        found.add(now, now)
        assert found.values()["period max (ms)"] == 80.0


def test_what_is_older_than_the_window_is_forgotten() -> None:
    """Protects against a problem of an hour ago that is still told."""
    found = stage(pauses=True)
    now = fill(found, latency=50.0)
    assert found.problem(now)
    found.forget(now + 11_000 * MS)
    assert found.problem(now + 11_000 * MS) == ""


def test_repeated_stamps_are_counted() -> None:
    """Protects against a frozen source behind a lively node."""
    found = stage()
    for i in range(5):
        found.add(NOW + i * 80 * MS, NOW)
    assert found.repeated == 4


def test_quantiles() -> None:
    """Protects the figures: percentiles of the whole sample."""
    assert quantiles([float(i) for i in range(101)]) == Quantiles(50.0, 99.0, 100.0)
