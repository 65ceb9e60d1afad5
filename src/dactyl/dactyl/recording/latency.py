"""From a bag: for each action, which readings it used, how old they were, and when the hand got its targets."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from dactyl import topics
from dactyl.errors import DactylError
from dactyl.maths.summary import summary
from dactyl.recording.reading import Bag, nanoseconds, understood

ACTION, FILTERED, FINGERTIPS = map(topics.absolute, (topics.ACTION, topics.FILTERED, topics.FINGERTIPS))
POSES = tuple(map(topics.absolute, (topics.MOCAP_POSE, topics.VISION_POSE)))
JOINT_STATES = topics.of_hand(topics.JOINT_STATES)
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
class Latencies:
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

    def as_results(self) -> dict[str, Any]:
        """For --json."""
        return {
            "actions": len(self.rows),
            "latency_ms": {step: self._summary(step) for step in STEPS},
            "reused_fingertips": self.reused,
            "without_targets": self.unanswered,
            "simulated_clock": self.simulated_clock,
            "problems": self.problems,
            "each": [
                {
                    "sequence": row.sequence, "stamp_ns": row.stamp_ns, "fingertips_stamp_ns": row.fingertips_stamp_ns,
                    "object_pose_stamp_ns": row.object_pose_stamp_ns, **row.ms,
                }
                for row in self.rows
            ],
        }  # fmt: skip

    def as_text(self, each: bool = False) -> str:
        """For people; `each`: with a line for each action."""
        lines = []
        if each:
            lines.append("sequence  tick (s)              " + "".join(f"{step:>13}" for step in STEPS) + "   ms")
            for row in self.rows:
                values = "".join(f"{'-' if (ms := row.ms[step]) is None else f'{ms:.2f}':>13}" for step in STEPS)
                lines.append(f"{row.sequence:>8}  {row.stamp_ns * 1e-9:<20.6f}  {values}")
            lines.append("")
        lines.append(f"{len(self.rows)} actions{'':46}p50      p99      max   ms")
        for step, meaning in STEPS.items():
            if found := self._summary(step):
                lines.append(f"{meaning:<52}" + "".join(f"{found[name]:>9.2f}" for name in ("p50", "p99", "max")))
            else:
                lines.append(f"{meaning:<52}  not in the bag")
        lines.append(
            f"{self.reused} decided on the same fingertips as the one before, {self.unanswered} without targets"
        )
        if self.simulated_clock:
            lines.append("The clock was simulated: ages count from when readings were published.")
        return "\n".join([*lines, *self.problems])

    def _summary(self, step: str) -> dict[str, float]:
        return summary([ms for row in self.rows if (ms := row.ms[step]) is not None])


def examine(path: Path, namespace: str = topics.NAMESPACE) -> Latencies:
    """Look up what every action in a bag was made of and what became of it.

    Args:
        path: rosbag2 folder, or an .mcap file.
        namespace: of the graph.

    Raises:
        DactylError: it cannot be read, or holds no actions.
    """
    bag = Bag(path, namespace)
    with understood(path):
        return _examined(bag)


def _examined(bag: Bag) -> Latencies:
    found = _read(bag)
    problems = list(bag.problems)
    if not found.actions:
        own = bag.own_name(ACTION)
        raise DactylError(f"{bag.path} holds no actions: nothing on {own}{bag.because}{bag.elsewhere}")
    sent_ns, action = found.actions[0]
    simulated = abs(sent_ns - nanoseconds(action.header.stamp)) > _SIMULATED_NS
    return Latencies([_row(found, *each, simulated) for each in found.actions], simulated, problems)


class _Messages(NamedTuple):
    """When what was sent and published, ns of system time; stamps are of the graph's clock."""

    actions: list[tuple[int, Any]]
    """When each was sent, and its fields."""
    filtered: dict[tuple[int, int], int]
    """By stamp and sequence."""
    fingertips: dict[int, int]
    """By stamp."""
    poses: dict[int, int]
    """By stamp."""
    angles: list[int]
    """Stamps of the joint states, ascending."""
    targets: list[int]
    """Ascending."""


def _read(bag: Bag) -> _Messages:
    targets = [name for topic in bag.robot.targets for name in topics.of_hand(topic)]
    found = _Messages([], {}, {}, {}, [], sorted(message.sent_ns for message in bag.messages(targets)))
    for message, fields in bag.decoded({ACTION, FILTERED, FINGERTIPS, *POSES, *JOINT_STATES}):
        stamp_ns = nanoseconds(fields.header.stamp)
        if message.topic == ACTION:
            found.actions.append((message.sent_ns, fields))
        elif message.topic == FILTERED:
            found.filtered.setdefault((stamp_ns, fields.sequence), message.sent_ns)
        elif message.topic in JOINT_STATES:
            found.angles.append(stamp_ns)
        else:
            published = found.fingertips if message.topic == FINGERTIPS else found.poses
            published.setdefault(stamp_ns, message.sent_ns)
    found.angles.sort()
    return found


def _row(found: _Messages, sent_ns: int, action: Any, simulated: bool) -> Row:
    tick_ns = nanoseconds(action.header.stamp)
    tips_ns, pose_ns = nanoseconds(action.fingertips_stamp), nanoseconds(action.object_pose_stamp)
    tips_taken_ns = found.fingertips.get(tips_ns) if simulated else tips_ns
    pose_taken_ns = found.poses.get(pose_ns) if simulated else pose_ns
    filtered_ns = found.filtered.get((tick_ns, action.sequence))
    answer = bisect_left(found.targets, filtered_ns) if filtered_ns is not None else len(found.targets)
    answer_ns = found.targets[answer] if answer < len(found.targets) else None
    before = bisect_right(found.angles, tick_ns)
    known = [time_ns for time_ns in (tips_taken_ns, pose_taken_ns) if time_ns is not None]
    steps = {
        "fingertips": _ms(tips_taken_ns, sent_ns),
        "object_pose": _ms(pose_taken_ns, sent_ns),
        "filter": _ms(sent_ns, filtered_ns),
        "targets": _ms(filtered_ns, answer_ns),
        "total": _ms(min(known, default=None), answer_ns),
        "angles": _ms(found.angles[before - 1], tick_ns) if before else None,
    }
    return Row(action.sequence, tick_ns, tips_ns, pose_ns, steps)


def _ms(begin_ns: int | None, end_ns: int | None) -> float | None:
    return None if begin_ns is None or end_ns is None else round((end_ns - begin_ns) * 1e-6, 3)
