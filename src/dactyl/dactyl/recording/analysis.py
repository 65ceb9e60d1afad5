"""What happened in a bag, as arrays: trials, successes, angles to the goal, latencies, drop-outs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dactyl import topics
from dactyl.errors import DactylError
from dactyl.maths.summary import summary
from dactyl.recording.reading import Bag, Undecoded, nanoseconds, understood

STATUS, ACTION, FILTERED, FINGERTIPS, MARKERS = map(
    topics.absolute, (topics.STATUS, topics.ACTION, topics.FILTERED, topics.FINGERTIPS, topics.MARKERS)
)
RUNNING = 1  # TrialStatus.RUNNING
GAP_FACTOR = 2.5
"""A topic is silent where the interval between two messages is this many times its median."""


@dataclass
class Trial:
    """One trial."""

    number: int
    start: float
    """s from the bag's first message, as all times here."""
    end: float
    times: np.ndarray
    """(N,) of its control steps."""
    angles: np.ndarray
    """(N,) rad to the goal."""
    success_times: list[float]
    reason: str
    """How it ended; empty where the bag ends first."""
    success_stamps: list[int] = field(default_factory=list)
    """Stamps of the control steps at which goals were reached, ns of the graph's clock."""
    last_stamp: int = 0
    """Of its last control step."""


@dataclass
class TopicFlow:
    """How a topic flowed."""

    name: str
    type: str
    count: int
    megabytes: float
    rate: float
    """Hz, while it flowed."""
    gaps: list[tuple[float, float]]
    """Silences longer than usual: start and length, s."""
    missing: int
    """Messages that were published and are not in the bag, by their numbers."""


@dataclass
class Analysis:
    """What happened in a bag."""

    path: Path
    namespace: str
    """Of the graph."""
    start_ns: int
    seconds: float
    trials: list[Trial]
    flows: list[TopicFlow]
    latencies_ms: dict[str, np.ndarray]
    """By what they are from and to, ms."""
    lost_fingertips: list[tuple[float, float]]
    """When a fingertip's marker was not seen: start and length, s."""
    warnings: list[tuple[float, str, str]]
    """Time, node and message of each change for the worse on /diagnostics."""
    problems: list[str]
    recorder_lost: dict[str, int]
    size_mb: float
    tolerance: float
    """Of the angle to the goal, rad: a goal is reached below it."""

    @property
    def successes(self) -> int:
        return sum(len(trial.success_times) for trial in self.trials)

    def as_results(self) -> dict[str, Any]:
        """For --json."""
        return {
            "seconds": round(self.seconds, 3),
            "trials": [
                {"trial": trial.number, "successes": len(trial.success_times), "reason": trial.reason,
                 "seconds": round(trial.end - trial.start, 2)}
                for trial in self.trials
            ],
            "latency_ms": {
                label: summary(values, digits=None)
                for label, values in self.latencies_ms.items()
            },
            "topics": {
                flow.name: {
                    "messages": flow.count, "rate": flow.rate, "missing": flow.missing, "silences": len(flow.gaps),
                }
                for flow in self.flows
            },
            "lost": self.recorder_lost,
            "problems": self.problems,
        }  # fmt: skip


def analyse(path: Path, namespace: str = topics.NAMESPACE) -> Analysis:
    """Read a bag once.

    Args:
        path: of the bag.
        namespace: of the graph.

    Raises:
        DactylError: there is nothing to read, or only graphs of other namespaces.
    """
    bag = Bag(path, namespace)
    with understood(path):
        return _analysed(bag)


def _analysed(bag: Bag) -> Analysis:
    received: dict[str, list[int]] = defaultdict(list)
    sequences: dict[str, list[int]] = defaultdict(list)
    sizes: dict[str, int] = defaultdict(int)
    sent: dict[str, list[tuple[int, int]]] = defaultdict(list)
    """(stamp of what it was made of, when it was sent), ns."""
    statuses, seen, health = [], [], []
    undecoded = Undecoded()
    for message in bag.messages():
        name = message.topic
        received[name].append(message.received_ns)
        sequences[name].append(message.sequence)
        sizes[name] += len(message.data)
        if name in (STATUS, ACTION, FILTERED, FINGERTIPS, MARKERS, topics.DIAGNOSTICS):
            fields = undecoded.decode(bag, message)
            if fields is None:
                continue
            sent[name].append((nanoseconds(fields.header.stamp), message.sent_ns))
            if name == STATUS:
                statuses.append((message.received_ns, fields))
            elif name == FINGERTIPS:
                seen.append((message.received_ns, np.asarray(fields.tracked, bool)))
            elif name == topics.DIAGNOSTICS:
                health += [(message.received_ns, status) for status in fields.status]
    if not received:
        raise DactylError(f"{bag.path} has no messages that can be read{bag.because}")
    if bag.elsewhere and not any(name.startswith(f"{topics.NAMESPACE}/") for name in received):
        raise DactylError(f"{bag.path} has nothing of a graph in {bag.namespace}{bag.elsewhere}")
    start_ns = min(min(times) for times in received.values())
    end_ns = max(max(times) for times in received.values())
    return Analysis(
        path=bag.path,
        namespace=bag.namespace,
        start_ns=start_ns,
        seconds=(end_ns - start_ns) * 1e-9,
        trials=_trials(statuses, start_ns),
        flows=[
            _flow(own, bag.topics[own].type, received[name], sequences[name], sizes[name], start_ns)
            for name in sorted(received)
            for own in [bag.own_name(name)]
        ],
        latencies_ms=_latencies(sent),
        lost_fingertips=_spans(seen, start_ns),
        warnings=_warnings(health, start_ns),
        problems=[*bag.problems, *undecoded.problems],
        recorder_lost=bag.lost,
        size_mb=sum(file.stat().st_size for file in bag.files) / 1e6,
        tolerance=bag.task.rules.tolerances[-1],
    )


def _trials(statuses: list[tuple[int, Any]], start_ns: int) -> list[Trial]:
    """Trials from trial/status: a success is where the count of one trial goes up."""
    trials: list[Trial] = []
    steps: list[tuple[float, float]] = []
    before: Any = None
    for received_ns, status in statuses:
        time = (received_ns - start_ns) * 1e-9
        ended = before is not None and before.state == RUNNING
        if ended and (status.state != RUNNING or status.trial != before.trial):
            _close(trials[-1], steps, time, str(status.reason))
        if status.state == RUNNING:
            if not ended or status.trial != before.trial:
                steps = []
                trials.append(Trial(int(status.trial), time, time, np.empty(0), np.empty(0), [], ""))
            elif status.successes > before.successes:
                trials[-1].success_times.append(time)
                trials[-1].success_stamps.append(nanoseconds(status.header.stamp))
            steps.append((time, float(status.angle_to_goal)))
            trials[-1].last_stamp = nanoseconds(status.header.stamp)
        before = status
    if trials and before.state == RUNNING:
        _close(trials[-1], steps, steps[-1][0], "")
    return trials


def _close(trial: Trial, steps: list[tuple[float, float]], end: float, reason: str) -> None:
    trial.end, trial.reason = end, reason
    trial.times, trial.angles = np.array(steps).T


def _flow(name: str, kind: str, times: list[int], sequences: list[int], size: int, start_ns: int) -> TopicFlow:
    instants = np.array(times) * 1e-9 - start_ns * 1e-9
    intervals = np.diff(instants)
    usual = float(np.median(intervals)) if len(intervals) else 0.0
    long = np.flatnonzero(intervals > max(GAP_FACTOR * usual, 0.25))[: None if len(intervals) > 20 else 0]
    steps = np.diff(np.array(sequences, np.int64))
    if kind.startswith("rcl_interfaces/"):  # logs and parameters come when they come
        long = long[:0]
    several = bool(np.any(steps < 0)) or min(sequences) == 0  # publishers number each for itself
    missing = 0 if several else int(np.sum(steps[steps > 1] - 1))
    flowing = float(np.sum(intervals) - np.sum(intervals[long])) if len(intervals) else 0.0
    rate = (len(intervals) - len(long)) / flowing if flowing else 0.0
    gaps = [(float(instants[i]), float(intervals[i])) for i in long]
    return TopicFlow(name, kind, len(times), size / 1e6, rate, gaps, missing)


def _latencies(sent: dict[str, list[tuple[int, int]]]) -> dict[str, np.ndarray]:
    """From the sending of one stage to that of the next which carries the same stamp, and the period of actions, ms."""
    found = {}
    chain = ((MARKERS, FINGERTIPS, "markers → fingertips"), (FINGERTIPS, ACTION, "fingertips → action"),
             (ACTION, FILTERED, "action → filtered"))  # fmt: skip
    for earlier, later, label in chain:
        first = dict(sent.get(earlier, ()))
        values = [(ns - first[stamp]) * 1e-6 for stamp, ns in sent.get(later, ()) if stamp in first]
        if values:
            found[label] = np.array(values)
    actions = np.array([ns for _, ns in sent.get(ACTION, ())])
    periods = np.diff(actions) * 1e-6
    if len(periods):
        found["period of actions"] = periods[periods < 400.0]  # longer ones are pauses between trials
    return found


def _spans(seen: list[tuple[int, np.ndarray]], start_ns: int) -> list[tuple[float, float]]:
    """When not every fingertip was tracked."""
    spans: list[tuple[float, float]] = []
    begun: float | None = None
    for received_ns, tracked in seen:
        time = (received_ns - start_ns) * 1e-9
        if not tracked.all():
            begun = time if begun is None else begun
        elif begun is not None:
            spans.append((begun, time - begun))
            begun = None
    if begun is not None:
        spans.append((begun, (seen[-1][0] - start_ns) * 1e-9 - begun))
    return spans


def _warnings(health: list[tuple[int, Any]], start_ns: int) -> list[tuple[float, str, str]]:
    """Each time that a node's message changed while it was not well."""
    last: dict[str, str] = {}
    found = []
    for received_ns, status in health:
        level = status.level[0] if isinstance(status.level, (bytes, bytearray)) else int(status.level)
        message = str(status.message)
        if level and last.get(status.name) != message:
            found.append(((received_ns - start_ns) * 1e-9, str(status.name).rpartition("/")[2], message))
        last[status.name] = message if level else ""
    return found
