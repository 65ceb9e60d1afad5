"""Plays a bag to one node of the graph and compares its answers with those in the bag."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from geometry_msgs.msg import PoseStamped
from rclpy.publisher import Publisher

from dactyl import results
from dactyl.errors import DactylError
from dactyl.nodes import _support as ros
from dactyl.nodes._polling import message_class
from dactyl.nodes._support import DactylNode, nanoseconds, parameter, run
from dactyl.recording.comparison import Action, Pose, compare_actions, compare_poses
from dactyl.recording.definitions import type_hash
from dactyl.recording.reading import Bag
from dactyl_msgs.msg import HandAction

PATIENCE = 60.0  # s that the node may take to come up
QUIET = 1.0  # s to wait for the last answers
NEAR_NS = 20_000_000  # motion capture's pose nearest to a picture's moment
SILENT_S = 2.0  # longer silences of the bag are cut short
_IMAGES = tuple(f"/dactyl/camera_{i}/image_raw" for i in range(3))


class Trial(NamedTuple):
    """What is played to a node, and what it answers."""

    inputs: tuple[str, ...]
    answer: str
    reference: str
    """Topic of the bag that the answers are compared with."""


def trials(object_pose: str) -> dict[str, Trial]:
    """By the node that is tried."""
    policy_inputs = ("/clock", "/dactyl/fingertips", f"/dactyl/object_pose/{object_pose}", "/dactyl/goal",
                     "/dactyl/trial/status")  # fmt: skip
    return {
        "policy": Trial(policy_inputs, "/dactyl/action", "/dactyl/action"),
        "pose_estimator": Trial(_IMAGES, "/dactyl/object_pose/vision", "/dactyl/object_pose/mocap"),
    }


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    bag: str = parameter("", "Folder of a bag, or an .mcap file.")
    node: str = parameter("policy", "Who it is played to.", choices=("policy", "pose_estimator"))
    object_pose: str = parameter("mocap", "Source of the object's pose.", choices=("mocap", "vision"))
    speed: float = parameter(1.0, "Times the pace of the recording.", minimum=0.01, maximum=10.0)
    report: str = parameter("", "File for the comparison, as JSON. Empty: none.")


class Replayer(DactylNode):
    """a bag -> topics; action or object_pose/vision -> a comparison."""

    def __init__(self) -> None:
        super().__init__("replayer")
        self.settings = settings = self.declare(Parameters)
        if settings.report:
            results.check_writable(Path(settings.report))
        self.trial = trials(settings.object_pose)[settings.node]
        self.bag = Bag(Path(settings.bag))
        self.recorded = self._read_reference()
        self.again: dict[int, Any] = {}
        self.publishers_of: dict[str, Publisher] = {}
        for topic in self.trial.inputs:
            self._make_publisher(topic)
        kind = HandAction if settings.node == "policy" else PoseStamped
        self.create_subscription(kind, self.trial.answer, self.on_answer, ros.RELIABLE if settings.node == "policy"
                                 else ros.SENSOR)  # fmt: skip
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._guarded, daemon=True)
        self.thread.start()

    def _read_reference(self) -> dict[int, Any]:
        found: dict[int, Any] = {}
        for _, fields in self.bag.decoded({self.trial.reference}):
            stamp, value = _as_answer(fields)
            found[stamp] = value
        if not found and self.settings.node == "policy":
            raise DactylError(f"{self.settings.bag} has no {self.trial.reference} to compare with")
        return found

    def _make_publisher(self, topic: str) -> None:
        if topic not in self.bag.topics:
            raise DactylError(f"{self.settings.bag} has no {topic}, which the {self.settings.node} needs")
        kind, _, recorded_hash, qos = self.bag.topics[topic]
        if recorded_hash and recorded_hash != type_hash(kind):
            raise DactylError(f"{topic} was recorded with another version of {kind}: it cannot be played here")
        offered = (yaml.safe_load(qos) or [{}])[0]
        latched = offered.get("durability") == "transient_local"
        reliable = offered.get("reliability") == "reliable"
        profile = ros.LATCHED if latched else ros.RELIABLE if reliable else ros.SENSOR
        self.publishers_of[topic] = self.create_publisher(message_class(kind), topic, profile)

    def on_answer(self, message: Any) -> None:
        stamp, value = _as_answer(message)
        self.again.setdefault(stamp, value)

    def _guarded(self) -> None:
        try:
            self._await_node()
            self._play()
            if not self.stopping.wait(QUIET):
                self._report()
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

    def _play(self) -> None:
        last_ns, due = 0, time.monotonic()
        for message in self.bag.messages(self.publishers_of.keys()):
            pause = (message.received_ns - last_ns) * 1e-9 if last_ns else 0.0
            last_ns = max(last_ns, message.received_ns)
            due += min(max(pause, 0.0), SILENT_S) / self.settings.speed
            if self.stopping.wait(max(0.0, due - time.monotonic())):
                return
            self.publishers_of[message.topic].publish(message.data)

    def _report(self) -> None:
        if self.settings.node == "policy":
            outcome = compare_actions(self.recorded, self.again)
            self.get_logger().info(
                f"{outcome['recorded']} actions recorded, {outcome['again']} again; on the same readings until then: "
                f"{outcome['comparable']}, of these equal: {outcome['equal']}"
            )
        else:
            outcome = compare_poses(self.recorded, self.again, NEAR_NS)
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


def _as_answer(message: Any) -> tuple[int, Action | Pose]:
    """By its stamp, from ROS's message or from one decoded out of a bag, which have the same fields."""
    stamp = nanoseconds(message.header.stamp)
    if hasattr(message, "bins"):
        readings = (message.fingertips_stamp, message.object_pose_stamp, message.goal_stamp)
        used = tuple(nanoseconds(each) for each in readings)
        return stamp, Action(tuple(int(each) for each in message.bins), (used[0], used[1], used[2]))
    return stamp, Pose(ros.position(message.pose), ros.orientation(message.pose.orientation))


def main() -> int:
    return run(Replayer)


if __name__ == "__main__":
    sys.exit(main())
