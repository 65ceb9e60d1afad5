"""Plays a bag to one node of the graph and compares its answers with those in the bag."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geometry_msgs.msg import PoseStamped
from rclpy.publisher import Publisher

from dactyl import results, topics
from dactyl.errors import DactylError
from dactyl.recording.bag import Qos
from dactyl.recording.comparison import Action, Pose, compare_actions, compare_poses
from dactyl.recording.decisions import ACTION, FINGERTIPS, GOAL, JOINTS, STATUS, Question, read
from dactyl.recording.definitions import type_hash
from dactyl.recording.pictures import IMAGES
from dactyl.recording.reading import EXPECTED, Bag, Recorded
from dactyl.ros import messages
from dactyl.ros.node import DactylNode, run
from dactyl.ros.parameters import parameter
from dactyl_msgs.msg import HandAction

PATIENCE = 60.0  # s that the node may take to come up
ANSWER_WITHIN = 2.0  # s
SETTLE = 0.02  # s: readings arrive before the one that the policy acts on
QUIET = 1.0  # s to wait for the last poses
NEAR_NS = 20_000_000  # motion capture's pose nearest to a picture's moment
SILENT_S = 2.0  # longer silences of the bag are cut short
POSE, TRUTH = topics.absolute(topics.VISION_POSE), topics.absolute(topics.MOCAP_POSE)


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    bag: str = parameter("", "Folder of a bag, or an .mcap file.")
    node: str = parameter("policy", "Who it is played to.", choices=("policy", "pose_estimator"))
    object_pose: str = parameter("mocap", "Source of the object's pose.", choices=("mocap", "vision"))
    speed: float = parameter(1.0, "Times the recorded pace, of pictures.", minimum=0.01, maximum=10.0)
    report: str = parameter("", "File for the comparison, as JSON. Empty: none.")


class Replayer(DactylNode):
    """a bag -> topics; action or object_pose/vision -> a comparison.

    The policy is asked one question after the other, each with exactly the readings of the recorded action, so that
    the pace of this machine does not matter. The pose estimator is shown the pictures at their recorded pace.
    """

    def __init__(self) -> None:
        super().__init__("replayer")
        self.settings = settings = self.declare(Parameters)
        if settings.report:
            results.check_writable(Path(settings.report))
        self.bag = Bag(Path(settings.bag))
        self.answered = threading.Condition()
        self.answers: dict[int, Any] = {}
        """By their stamps."""
        self.publishers_of: dict[str, Publisher] = {}
        self.translated: set[str] = set()
        """Topics recorded with an older definition of their messages: these are decoded by it, and filled in anew."""
        self.questions: list[Question] = []
        self.truth: dict[int, Pose] = {}
        if settings.node == "policy":
            self.questions = read(self.bag, settings.object_pose)
            pose = topics.absolute(topics.object_pose(settings.object_pose))
            needed: tuple[str, ...] = (STATUS, GOAL, pose, FINGERTIPS)
            if any(topic == JOINTS for question in self.questions for topic, _ in question.messages):
                needed += (JOINTS,)
            self.create_subscription(HandAction, ACTION, self.on_action, messages.RELIABLE)
        else:
            self.truth = {
                messages.nanoseconds(fields.header.stamp): _pose(fields) for _, fields in self.bag.decoded({TRUTH})
            }
            needed = IMAGES
            self.create_subscription(PoseStamped, POSE, self.on_pose, messages.SENSOR)
        for topic in needed:
            self._make_publisher(topic)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._guarded, daemon=True)
        self.thread.start()

    def _make_publisher(self, topic: str) -> None:
        names = [name for name in topics.of_hand(topic) if name in self.bag.topics]
        if not names:
            raise DactylError(f"{self.settings.bag} has no {topic}, which the {self.settings.node} needs")
        recorded = self.bag.topics[names[0]]
        kind = EXPECTED[topic]
        if recorded.type != kind or recorded.encoding != "cdr":
            raise DactylError(f"{self.settings.bag}: {topic} is {recorded.described}, not {kind}")
        if recorded.type_hash and recorded.type_hash != type_hash(kind):
            self.translated.add(topic)
        offered = next(iter(Qos.read(recorded.qos)), Qos(reliability="best_effort"))
        latched, reliable = offered.durability == "transient_local", offered.reliability == "reliable"
        profile = messages.LATCHED if latched else messages.RELIABLE if reliable else messages.SENSOR
        self.publishers_of[topic] = self.create_publisher(messages.message_class(kind), topic, profile)

    def on_action(self, message: HandAction) -> None:
        used = (message.fingertips_stamp, message.object_pose_stamp, message.goal_stamp)
        fingertips_ns, pose_ns, goal_ns = (messages.nanoseconds(each) for each in used)
        answer = Action(tuple(int(each) for each in message.bins), (fingertips_ns, pose_ns, goal_ns))
        with self.answered:
            self.answers[messages.nanoseconds(message.header.stamp)] = answer
            self.answered.notify()

    def on_pose(self, message: PoseStamped) -> None:
        self.answers[messages.nanoseconds(message.header.stamp)] = _pose(message)

    def _guarded(self) -> None:
        try:
            self._await_node()
            if self.settings.node == "policy":
                outcome = self._ask_policy()
            else:
                self._show_pictures()
                outcome = compare_poses(self.truth, self.answers, NEAR_NS)
            if not self.stopping.is_set():
                self._report(outcome)
        except BaseException as error:
            self.failure = error
        if not self.stopping.is_set():
            self.finish()

    def _await_node(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not all(publisher.get_subscription_count() for publisher in self.publishers_of.values()):
            if self.stopping.wait(0.05):
                return
            if time.monotonic() > deadline:
                raise DactylError(f"the {self.settings.node} does not listen: is it running?")
        self.stopping.wait(0.5)  # and its own publishers are found

    def _ask_policy(self) -> dict[str, Any]:
        again: list[Action | None] = []
        for question in self.questions:
            if self.stopping.is_set():
                break
            answer = self._ask(question) if question.messages else None
            same = answer is not None and answer.readings == question.answer.readings
            again.append(answer if same else None)
        asked = self.questions[: len(again)]
        return compare_actions([each.answer for each in asked], again, [each.first for each in asked])

    def _ask(self, question: Question) -> Action | None:
        *before, (topic, decisive) = question.messages
        for other, data in before:
            self._publish(other, data)
        self.stopping.wait(SETTLE)
        self._publish(topic, decisive)
        with self.answered:
            self.answered.wait_for(lambda: question.stamp_ns in self.answers, ANSWER_WITHIN)
            return self.answers.get(question.stamp_ns)

    def _publish(self, topic: str, data: bytes) -> None:
        if topic not in self.translated:
            self.publishers_of[topic].publish(data)
            return
        kind = self.bag.topics[topic].type
        fields = self.bag.decode(Recorded(topic, 0, 0, 0, data))
        try:
            message = messages.from_fields(messages.message_class(kind), fields)
        except (TypeError, ValueError, AssertionError) as error:
            raise DactylError(f"{topic} was recorded with another {kind}, which cannot be played here") from error
        self.publishers_of[topic].publish(message)

    def _show_pictures(self) -> None:
        last_ns, due = 0, time.monotonic()
        for message in self.bag.messages(IMAGES):
            pause = (message.received_ns - last_ns) * 1e-9 if last_ns else 0.0
            last_ns = max(last_ns, message.received_ns)
            due += min(max(pause, 0.0), SILENT_S) / self.settings.speed
            if self.stopping.wait(max(0.0, due - time.monotonic())):
                return
            self._publish(message.topic, message.data)
        self.stopping.wait(QUIET)

    def _report(self, outcome: dict[str, Any]) -> None:
        if self.settings.node == "policy":
            self.get_logger().info(
                f"{outcome['recorded']} actions recorded, {outcome['asked']} asked for again; "
                f"{outcome['compared']} in step, of these equal: {outcome['equal']}"
            )
        else:
            self.get_logger().info(
                f"{outcome['again']} poses, {outcome['compared']} compared with motion capture: rotation "
                f"{outcome['rotation_deg']} degrees, position {outcome['position_mm']} mm"
            )
        for problem in self.bag.problems:
            self.get_logger().warning(problem)
        if self.settings.report:
            results.write(Path(self.settings.report), "replay", None, {"node": self.settings.node, **outcome})

    def destroy_node(self) -> None:
        self.stopping.set()
        self.thread.join(timeout=2.0)
        super().destroy_node()


def _pose(message: Any) -> Pose:
    """From ROS's message or from one decoded out of a bag, which have the same fields."""
    return Pose(messages.position(message.pose), messages.orientation(message.pose.orientation))


def main() -> int:
    return run(Replayer)


if __name__ == "__main__":
    sys.exit(main())
