"""Measures the control loop of a running graph from outside: a node that listens, then reports and ends the run.

Times are DDS source timestamps, taken when a message is handed to the middleware by the node that publishes it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from geometry_msgs.msg import PoseStamped
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from rclpy.subscription import Subscription
from sensor_msgs.msg import Image

from dactyl import results, topics
from dactyl.errors import DactylError
from dactyl.maths.summary import summary
from dactyl.registry import DEFAULTS
from dactyl.robot import robot
from dactyl.ros import messages
from dactyl.ros.node import DactylNode, run
from dactyl.ros.parameters import parameter
from dactyl.ros.polling import NotExecuted, Taken, subscribe, take
from dactyl_msgs.msg import FingertipPositions, HandAction

WARM_UP = 2.0  # s after the first action that are not counted
PATIENCE = 60.0  # s to wait for the first action
_PAUSE_NS = 150_000_000  # joint targets pause while the simulated operator has the hand
_PICTURES = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    robot: str = parameter(DEFAULTS["robots"], "Name of the robot.")
    seconds: float = parameter(30.0, "How long to measure, s.", minimum=1.0)
    cameras: bool = parameter(False, "Subscribe to the images too.")
    vision: bool = parameter(False, "Also measure how long poses from images take.")
    report: str = parameter("", "File for the results, as JSON. Empty: none.")


class Sent(NamedTuple):
    """An action on the wire."""

    sequence: int
    used_ns: int
    """Stamp of the fingertips it was decided on."""
    sent_ns: int
    """Source time."""


class LoopBenchmark(DactylNode):
    """fingertips, action, joint targets, images -> a report."""

    def __init__(self) -> None:
        super().__init__("loop_benchmark")
        self.settings = self.declare(Parameters)
        self.robot = robot.load(self.settings.robot)
        self.cameras = tuple(self.robot.cameras.places)
        self.begun = time.monotonic()
        self.measured_from: float | None = None
        self.fingertip_sent: dict[int, int] = {}
        """Source time of the fingertips, by their stamp, ns."""
        self.action_sent: list[Sent] = []
        self.images = dict.fromkeys(self.cameras, 0)
        self.image_sent: dict[int, int] = {}
        """Source time of the last image of a moment, by its stamp, ns."""
        self.pose_sent: dict[int, int] = {}
        """Source time of the pose from images, by its stamp, ns."""
        self.targets_sent: list[int] = []
        """Source times of the joint targets."""
        self.processes_before: dict[str, Process] = {}
        self.watched: list[tuple[Subscription, Callable[[Taken], None]]] = []
        self._watch_all()
        self.wall_timer(0.1, self.on_timer)

    def _watch_all(self) -> None:
        """Listen undecoded where that will do: the time it takes to turn an image into a message is not the graph's."""
        group = NotExecuted()

        def watch(kind: type[Any], topic: str, hear: Callable[[Taken], None], qos: QoSProfile = messages.EVERY) -> None:
            self.watched.append((subscribe(self, kind, topic, qos, group, raw=True), hear))

        watch(FingertipPositions, topics.FINGERTIPS, self.on_fingertips)
        watch(HandAction, topics.ACTION, self.on_action, messages.RELIABLE)
        targets, kind = next(iter(self.robot.targets.items()))
        watch(messages.message_class(kind), targets, self.on_targets)
        if self.settings.vision:
            watch(PoseStamped, topics.VISION_POSE, self.on_pose)
        if self.settings.cameras or self.settings.vision:
            for camera in self.cameras:
                watch(Image, topics.image(camera), partial(self.on_image, camera), _PICTURES)

    def on_fingertips(self, taken: Taken) -> None:
        self.fingertip_sent[messages.stamp_of(taken.message)] = taken.sent_ns

    def on_action(self, taken: Taken) -> None:
        action = deserialize_message(taken.message, HandAction)
        self.action_sent.append(Sent(action.sequence, messages.nanoseconds(action.fingertips_stamp), taken.sent_ns))

    def on_targets(self, taken: Taken) -> None:
        self.targets_sent.append(taken.sent_ns)

    def on_image(self, camera: str, taken: Taken) -> None:
        self.images[camera] += 1
        self.image_sent[messages.stamp_of(taken.message)] = taken.sent_ns

    def on_pose(self, taken: Taken) -> None:
        self.pose_sent[messages.stamp_of(taken.message)] = taken.sent_ns

    def on_timer(self) -> None:
        for subscription, hear in self.watched:
            for taken in take(subscription):
                hear(taken)
        try:
            self._look(time.monotonic())
        except DactylError as error:
            self.fail(error)

    def _look(self, now: float) -> None:
        """Begin to measure, or end."""
        if self.measured_from is None:
            if self.action_sent:
                self.measured_from = now + WARM_UP
            elif now - self.begun > PATIENCE:
                raise DactylError(f"no action within {PATIENCE:g} s: is the graph running?")
        elif not self.processes_before:
            if now >= self.measured_from:
                self.measured_from = now
                self.fingertip_sent.clear()
                self.action_sent.clear()
                self.targets_sent.clear()
                self.image_sent.clear()
                self.pose_sent.clear()
                self.images = dict.fromkeys(self.cameras, 0)
                self.processes_before = siblings()
        elif now - self.measured_from >= self.settings.seconds:
            self._report(now - self.measured_from)
            self.finish()

    def _report(self, seconds: float) -> None:
        actions, fingertips = self.action_sent, self.fingertip_sent
        periods = [
            (action.sent_ns - before.sent_ns) * 1e-6
            for before, action in pairwise(actions)
            if action.sequence == before.sequence + 1
        ]
        latencies = [(a.sent_ns - fingertips[a.used_ns]) * 1e-6 for a in actions if a.used_ns in fingertips]
        if not periods or not latencies:
            raise DactylError(f"too few actions in {seconds:.0f} s to measure anything")
        streamed = [(b - a) * 1e-6 for a, b in pairwise(self.targets_sent) if b - a < _PAUSE_NS]
        stamps, sent = list(self.fingertip_sent), list(self.fingertip_sent.values())
        after = siblings()
        outcome: dict[str, Any] = {
            "period_ms": summary(periods),
            "latency_ms": summary(latencies),
            "targets_period_ms": summary(streamed),
            "real_time_factor": round((stamps[-1] - stamps[0]) / (sent[-1] - sent[0]), 4),
            "rss_mb": {name: round(process.rss_mb, 1) for name, process in sorted(after.items())},
            "cpu_percent": {
                name: round(100 * (process.cpu_s - self.processes_before[name].cpu_s) / seconds, 1)
                for name, process in sorted(after.items())
                if name in self.processes_before
            },
            "actions": len(self.action_sent),
            "seconds": round(seconds, 1),
        }
        if self.settings.vision:
            outcome |= self._vision(seconds)
        if self.settings.cameras or self.settings.vision:
            outcome["images_per_s"] = {camera: round(count / seconds, 2) for camera, count in self.images.items()}
        for name, value in outcome.items():
            self.get_logger().info(f"{name}: {_text(value)}")
        memory, cpu = sum(outcome["rss_mb"].values()), sum(outcome["cpu_percent"].values())
        self.get_logger().info(f"total: {memory:.0f} MB, {cpu:.0f} % of a core")
        if self.settings.report:
            results.write(Path(self.settings.report), "bench loop", None, outcome)

    def _vision(self, seconds: float) -> dict[str, Any]:
        """How long poses take: from the moment that the images show, rendering included, and from the last image."""
        outcome: dict[str, Any] = {"poses_per_s": round(len(self.pose_sent) / seconds, 2)}
        for name, since in (("pose_from_stamp_ms", self.fingertip_sent), ("pose_from_images_ms", self.image_sent)):
            latencies = [(sent - since[stamp]) * 1e-6 for stamp, sent in self.pose_sent.items() if stamp in since]
            if not latencies:
                raise DactylError("no poses from images: /diagnostics of the pose estimator says why")
            outcome[name] = summary(latencies)
        return outcome


@dataclass(frozen=True)
class Process:
    """What a process has used."""

    rss_mb: float
    cpu_s: float


def siblings() -> dict[str, Process]:
    """The other processes of the graph, those with the same parent as this one, by node name; shared ones by all."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_text().split("\0")
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        name = "+".join(word.removeprefix("__node:=") for word in arguments if word.startswith("__node:="))
        if name and int(fields[1]) == os.getppid() and int(folder.name) != os.getpid():
            rss = int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 2**20
            found[name] = Process(rss, (int(fields[11]) + int(fields[12])) / _TICKS_PER_S)
    return found


def _text(value: Any) -> str:
    return "  ".join(f"{key} {item}" for key, item in value.items()) if isinstance(value, dict) else str(value)


def main() -> int:
    return run(LoopBenchmark)


if __name__ == "__main__":
    sys.exit(main())
