"""What a policy was asked in a recorded run: for each of its actions, the readings that it was decided on."""

from __future__ import annotations

from dataclasses import dataclass, field

from dactyl import topics
from dactyl.errors import DactylError
from dactyl.recording.comparison import Action
from dactyl.recording.reading import Bag, nanoseconds, understood

ACTION, STATUS, GOAL, FINGERTIPS, JOINTS = map(
    topics.absolute, (topics.ACTION, topics.STATUS, topics.GOAL, topics.FINGERTIPS, topics.JOINT_STATES)
)


@dataclass
class Question:
    """One decision."""

    stamp_ns: int
    """Of its control tick."""
    answer: Action
    """What was decided."""
    first: bool
    """Whether the policy began anew with it."""
    messages: list[tuple[str, bytes]] = field(default_factory=list)
    """Topics and messages to give it in this order, the one it acts on last; empty where the bag lacks one, or where
    no new fingertips came and the policy acted on the old ones by its own clock."""


def read(bag: Bag, object_pose: str) -> list[Question]:
    """Every decision in a bag.

    Args:
        bag: of a run.
        object_pose: mocap or vision, where the policy took the object's pose from.

    Raises:
        DactylError: no action was recorded.
    """
    with understood(bag.path):
        return _read(bag, topics.absolute(topics.object_pose(object_pose)))


def _read(bag: Bag, pose: str) -> list[Question]:
    by_stamp: dict[str, dict[int, bytes]] = {topic: {} for topic in (FINGERTIPS, pose, GOAL, JOINTS)}
    statuses: list[tuple[int, int, bytes]] = []
    actions: list[tuple[int, Action, int, int]] = []
    for message, fields in bag.decoded({ACTION, STATUS, GOAL, FINGERTIPS, *topics.of_hand(JOINTS), pose}):
        stamp = nanoseconds(fields.header.stamp)
        if message.topic == STATUS:
            statuses.append((message.sent_ns, int(fields.state), message.data))
        elif message.topic == ACTION:
            used = (fields.fingertips_stamp, fields.object_pose_stamp, fields.goal_stamp)
            fingertips_ns, pose_ns, goal_ns = (nanoseconds(each) for each in used)
            answer = Action(tuple(int(each) for each in fields.bins), (fingertips_ns, pose_ns, goal_ns))
            actions.append((stamp, answer, message.sent_ns, int(fields.sequence)))
        else:
            topic = JOINTS if message.topic in topics.of_hand(JOINTS) else message.topic
            by_stamp[topic][stamp] = message.data
    if not actions:
        raise DactylError(f"{bag.path} has no {ACTION} to compare with")
    questions = []
    shown = -1
    for stamp, answer, sent_ns, sequence in actions:
        question = Question(stamp, answer, first=sequence == 0)
        while shown + 1 < len(statuses) and statuses[shown + 1][0] <= sent_ns:
            shown += 1
        readings = [
            (GOAL, by_stamp[GOAL].get(answer.readings[2])),
            (pose, by_stamp[pose].get(answer.readings[1])),
            (FINGERTIPS, by_stamp[FINGERTIPS].get(answer.readings[0])),
        ]
        on_time = stamp == answer.readings[0]
        if shown >= 0 and on_time and all(data is not None for _, data in readings):
            posture = _newest(by_stamp[JOINTS], stamp) if question.first else []  # where smoothing starts
            question.messages = [
                (STATUS, statuses[shown][2]), *posture, *((topic, data or b"") for topic, data in readings)
            ]  # fmt: skip
        questions.append(question)
    return questions


def _newest(joint_states: dict[int, bytes], stamp_ns: int) -> list[tuple[str, bytes]]:
    """The joint states of that time, as a list of at most one message."""
    known = [ns for ns in joint_states if ns <= stamp_ns]
    return [(JOINTS, joint_states[max(known)])] if known else []
