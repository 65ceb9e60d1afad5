"""From a bag: for each action, which readings it used, how old they were, and when the hand got its targets."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from dactyl import topics
from dactyl.errors import DactylError
from dactyl.recording.reading import Bag, nanoseconds

ACTION, FILTERED, FINGERTIPS = map(topics.absolute, (topics.ACTION, topics.FILTERED, topics.FINGERTIPS))
POSES = tuple(map(topics.absolute, (topics.MOCAP_POSE, topics.VISION_POSE)))
STEPS = {
    "fingertips": "reading of the fingertips → action sent",
    "object_pose": "reading of the object's pose → action sent",
    "filter": "action sent → filtered action sent",
    "targets": "filtered action sent → joint targets sent",
    "total": "older of the two readings → joint targets sent",
    "angles": "joint angles the action is added to → its tick",
}
"""What is measured of each action, in ms."""
_SIMULATED_NS = 60_000_000_000  # a clock that is further off the machine's is a simulation's


@dataclass(frozen=True)
class Row:
    """One action; None where the bag does not say."""

    sequence: int
    stamp_ns: int
    """Its control tick."""
    fingertips_stamp_ns: int
    object_pose_stamp_ns: int
    ms: dict[str, float | None]
    """By the names of STEPS."""


@dataclass(frozen=True)
class Report:
    """A bag's actions."""

    rows: list[Row]
    simulated_clock: bool
    """Stamps are a simulation's: a reading's age counts from when it was published, not from when it was taken."""
    problems: list[str]
    """What of the bag could not be read."""

    @property
    def reused(self) -> int:
        """Actions decided on the same fingertips as the one before."""
        stamps = [row.fingertips_stamp_ns for row in self.rows]
        return sum(a == b for a, b in pairwise(stamps))

    @property
    def unanswered(self) -> int:
        """Actions that no joint targets followed."""
        return sum(row.ms["targets"] is None for row in self.rows)


def examine(path: Path) -> Report:
    """Look up what every action in a bag was made of and what became of it.

    Args:
        path: rosbag2 folder, or an .mcap file.

    Raises:
        DactylError: it cannot be read, or holds no actions.
    """
    bag = Bag(path)
    actions: list[tuple[int, Any]] = []
    filtered: dict[tuple[int, int], int] = {}
    published: dict[str, dict[int, int]] = {topic: {} for topic in (FINGERTIPS, *POSES)}
    angles: list[int] = []
    targets: list[int] = []
    for message, fields in bag.decoded({ACTION, FILTERED, FINGERTIPS, *POSES, topics.JOINT_STATES}):
        stamp_ns = nanoseconds(fields.header.stamp)
        if message.topic == ACTION:
            actions.append((message.sent_ns, fields))
        elif message.topic == FILTERED:
            filtered.setdefault((stamp_ns, fields.sequence), message.sent_ns)
        elif message.topic == topics.JOINT_STATES:
            angles.append(stamp_ns)
        else:
            published[message.topic].setdefault(stamp_ns, message.sent_ns)
    problems = list(bag.problems)
    targets = sorted(message.sent_ns for message in bag.messages(bag.robot.targets))
    if not actions:
        raise DactylError(f"{path} holds no actions: nothing on {ACTION}")
    poses = published[POSES[0]] | published[POSES[1]]
    simulated = abs(actions[0][0] - nanoseconds(actions[0][1].header.stamp)) > _SIMULATED_NS
    angles.sort()
    rows = []
    for sent_ns, action in actions:
        tick_ns = nanoseconds(action.header.stamp)
        tips_ns, pose_ns = nanoseconds(action.fingertips_stamp), nanoseconds(action.object_pose_stamp)
        taken = [
            published[FINGERTIPS].get(tips_ns) if simulated else tips_ns,
            poses.get(pose_ns) if simulated else pose_ns,
        ]
        filtered_ns = filtered.get((tick_ns, action.sequence))
        answer = bisect_left(targets, filtered_ns) if filtered_ns is not None else len(targets)
        answer_ns = targets[answer] if answer < len(targets) else None
        before = bisect_right(angles, tick_ns)
        known = [time_ns for time_ns in taken if time_ns is not None]
        steps: dict[str, float | None] = {
            "fingertips": _ms(taken[0], sent_ns),
            "object_pose": _ms(taken[1], sent_ns),
            "filter": _ms(sent_ns, filtered_ns),
            "targets": _ms(filtered_ns, answer_ns),
            "total": _ms(min(known, default=None), answer_ns),
            "angles": _ms(angles[before - 1], tick_ns) if before else None,
        }
        rows.append(Row(action.sequence, tick_ns, tips_ns, pose_ns, steps))
    return Report(rows, simulated, problems)


def _ms(begin_ns: int | None, end_ns: int | None) -> float | None:
    return None if begin_ns is None or end_ns is None else round((end_ns - begin_ns) * 1e-6, 3)


def as_results(report: Report) -> dict[str, Any]:
    """For --json."""
    return {
        "actions": len(report.rows),
        "latency_ms": {step: _summary([row.ms[step] for row in report.rows]) for step in STEPS},
        "reused_fingertips": report.reused,
        "without_targets": report.unanswered,
        "simulated_clock": report.simulated_clock,
        "problems": report.problems,
        "each": [
            {
                "sequence": row.sequence, "stamp_ns": row.stamp_ns, "fingertips_stamp_ns": row.fingertips_stamp_ns,
                "object_pose_stamp_ns": row.object_pose_stamp_ns, **row.ms,
            }
            for row in report.rows
        ],
    }  # fmt: skip


def as_text(report: Report, each: bool = False) -> str:
    """For people; `each`: with a line for each action."""
    lines = []
    if each:
        lines.append("sequence  tick (s)              " + "".join(f"{step:>13}" for step in STEPS) + "   ms")
        for row in report.rows:
            values = "".join(f"{'-' if (ms := row.ms[step]) is None else f'{ms:.2f}':>13}" for step in STEPS)
            lines.append(f"{row.sequence:>8}  {row.stamp_ns * 1e-9:<20.6f}  {values}")
        lines.append("")
    lines.append(f"{len(report.rows)} actions{'':46}p50      p99      max   ms")
    for step, meaning in STEPS.items():
        if found := _summary([row.ms[step] for row in report.rows]):
            lines.append(f"{meaning:<52}" + "".join(f"{found[name]:>9.2f}" for name in ("p50", "p99", "max")))
        else:
            lines.append(f"{meaning:<52}  not in the bag")
    lines.append(
        f"{report.reused} decided on the same fingertips as the one before, {report.unanswered} without targets"
    )
    if report.simulated_clock:
        lines.append("The clock was simulated: ages count from when readings were published.")
    return "\n".join([*lines, *report.problems])


def _summary(milliseconds: Sequence[float | None]) -> dict[str, float]:
    known = [value for value in milliseconds if value is not None]
    if not known:
        return {}
    p50, p99, largest = np.percentile(known, [50, 99, 100])
    return {"p50": round(float(p50), 2), "p99": round(float(p99), 2), "max": round(float(largest), 2)}
