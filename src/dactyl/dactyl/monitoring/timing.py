"""When the messages of one stage of the control loop are sent, and how old what they are made of is by then.

The authors lost weeks to a timing bug that a faster computer hid: so this is watched all the time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from dactyl.maths.summary import summary

PAUSE_NS = 1_000_000_000
"""A longer interval is a pause between two streams, not a period of one."""


@dataclass(frozen=True)
class Thresholds:
    """What a stage has to keep, s. Each is compared with a 99th percentile."""

    period: float
    """Nominal; the median may differ from it by a tenth."""
    jitter: float
    """Of the difference between an interval and the nominal period."""
    latency: float
    """From the stamp to sending."""


@dataclass(frozen=True)
class Quantiles:
    """Of times in ms."""

    p50: float
    p99: float
    max: float


@dataclass
class Stage:
    """The last messages of one stage."""

    thresholds: Thresholds
    window_ns: int
    pauses: bool = False
    """Whether it may be silent: between trials nobody acts."""
    repeated: int = 0
    """Messages with the stamp of the one before, since the last report."""
    _sent: deque[tuple[int, int]] = field(default_factory=deque)
    _latency: deque[tuple[int, int]] = field(default_factory=deque)
    _last_sent_ns: int = 0
    _last_stamp_ns: int = -1

    def add(self, sent_ns: int, stamp_ns: int) -> None:
        """Take a message that was sent at a time and made of a reading of another; stamp 0: of no known one."""
        interval = sent_ns - self._last_sent_ns
        if self._last_sent_ns and interval <= PAUSE_NS:
            self._sent.append((sent_ns, interval))
        if stamp_ns:
            self._latency.append((sent_ns, sent_ns - stamp_ns))
            self.repeated += stamp_ns == self._last_stamp_ns
        self._last_sent_ns, self._last_stamp_ns = sent_ns, stamp_ns

    def forget(self, now_ns: int) -> None:
        """Drop what is older than the window."""
        for times in (self._sent, self._latency):
            while times and now_ns - times[0][0] > self.window_ns:
                times.popleft()

    @property
    def periods_ms(self) -> np.ndarray:
        return np.array([interval for _, interval in self._sent]) * 1e-6

    @property
    def latencies_ms(self) -> np.ndarray:
        return np.array([latency for _, latency in self._latency]) * 1e-6

    def values(self) -> dict[str, float | int]:
        """Period, jitter and latency in ms, for people."""
        values: dict[str, float | int] = {"messages": len(self._sent), "repeated": self.repeated}
        for name, times in (
            ("period", self.periods_ms),
            ("jitter", np.abs(self.periods_ms - self.thresholds.period * 1e3)),
            ("latency", self.latencies_ms),
        ):
            if len(times):
                found = quantiles(times)
                values |= {f"{name} p50 (ms)": found.p50, f"{name} p99 (ms)": found.p99, f"{name} max (ms)": found.max}
        return values

    def problem(self, now_ns: int) -> str:
        """Which threshold is broken; empty if none is."""
        if now_ns - self._last_sent_ns > PAUSE_NS:
            return "" if self.pauses else "silent"
        periods, latencies = self.periods_ms, self.latencies_ms
        problems = []
        if len(periods):
            nominal = self.thresholds.period * 1e3
            median, jitter = float(np.median(periods)), quantiles(np.abs(periods - nominal)).p99
            if abs(median - nominal) > 0.1 * nominal:
                problems.append(f"period {median:.1f} ms instead of {nominal:.1f}")
            if jitter > self.thresholds.jitter * 1e3:
                problems.append(f"jitter {jitter:.1f} ms, above {self.thresholds.jitter * 1e3:g}")
        if len(latencies):
            latency = quantiles(latencies).p99
            if latency > self.thresholds.latency * 1e3:
                problems.append(f"latency {latency:.1f} ms, above {self.thresholds.latency * 1e3:g}")
            if latencies.min() < -1.0:
                problems.append(f"stamps {-latencies.min():.1f} ms in the future: clocks are not in step")
        return ", ".join(problems)


def quantiles(milliseconds: np.ndarray | Sequence[float]) -> Quantiles:
    """Of at least one time, rounded to 10 µs."""
    return Quantiles(*summary(milliseconds).values())
