"""Watches the timing of every stage from the sensors to the hand, and warns when a threshold is broken.

Times are DDS source timestamps, taken when a message is handed to the middleware by the node that publishes it; what a
message is made of is its stamp. Joint targets carry none: their latency is counted from the filtered action before.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray

from dactyl import topics
from dactyl.errors import DactylError
from dactyl.monitoring.timing import Stage, Thresholds
from dactyl.registry import DEFAULTS
from dactyl.robot import robot
from dactyl.robot.robot import Robot
from dactyl.ros import messages
from dactyl.ros.messages import message_class
from dactyl.ros.node import DactylNode, Diagnosis, run, status, warning
from dactyl.ros.parameters import JOINT_STATES, parameter
from dactyl.ros.polling import NotExecuted, subscribe, take

LOOK = 0.05
"""s between looks at what has come: the middleware keeps when each message was sent."""


@dataclass(frozen=True)
class Parameters:
    """What can be configured: one element of each list for each stage."""

    robot: str = parameter(DEFAULTS["robots"], "Name of the robot.")
    stages: tuple[str, ...] = parameter(None, "Topics to watch, by their usual names.")
    joint_states: str = parameter(topics.JOINT_STATES, JOINT_STATES)
    targets: str = parameter("", "Topic of the joint targets that are watched; empty: the robot's own.")
    period: tuple[float, ...] = parameter(None, "Nominal period, s.", minimum=1e-4, maximum=10.0)
    max_jitter: tuple[float, ...] = parameter(
        (0.008, 0.008, 0.008, 0.008, 0.008, 0.004, 0.008), "Limit of the jitter's p99, s.", minimum=1e-5, maximum=10.0
    )
    max_latency: tuple[float, ...] = parameter(
        (0.01, 0.015, 0.015, 0.04, 0.045, 0.01, 0.02), "Limit of the latency's p99, s.", minimum=1e-5, maximum=10.0
    )
    pausing: tuple[str, ...] = parameter(None, "Stages that may be silent, as they are between trials.")
    window: float = parameter(10.0, "Time that the percentiles are taken over, s.", minimum=1.0, maximum=600.0)


def stage_types(driven: Robot) -> dict[str, str]:
    """Message type of each topic that can be watched. But for joint targets, messages begin with a header."""
    watched = (
        topics.MARKERS, topics.FINGERTIPS, topics.MOCAP_POSE, topics.VISION_POSE, topics.ACTION, topics.FILTERED,
        topics.JOINT_STATES,
    )  # fmt: skip
    images = {topics.camera_info(name): "sensor_msgs/msg/CameraInfo" for name in driven.cameras.places}
    return {**{topic: topics.TYPES[topic] for topic in watched}, **images, **driven.targets}


def _own(driven: Robot) -> dict[str, Any]:
    """Stages and periods of a robot's loop."""
    targets, timing = next(iter(driven.targets)), driven.timing
    sensors = (topics.MARKERS, topics.FINGERTIPS, topics.MOCAP_POSE)
    return {
        "stages": (*sensors, topics.ACTION, topics.FILTERED, targets, topics.JOINT_STATES),
        "period": (timing.physics,) * 3 + (timing.control,) * 2 + (timing.physics,) * 2,
        "pausing": (topics.ACTION, topics.FILTERED, targets),
    }


class TimingMonitor(DactylNode):
    """Every stage's topic -> /diagnostics, one status for each."""

    def __init__(self) -> None:
        super().__init__("timing_monitor")
        driven = robot.load(self.asked("robot", DEFAULTS["robots"]))
        settings = self.declare(Parameters, _own(driven))
        types = stage_types(driven)
        if unknown := {*settings.stages, *settings.pausing} - set(types):
            raise DactylError(f"stage {min(unknown)!r} is none of: {', '.join(types)}")
        lists = {"period": settings.period, "max_jitter": settings.max_jitter, "max_latency": settings.max_latency}
        for name, values in lists.items():
            if len(values) != len(settings.stages):
                raise DactylError(f"parameter {name} must have {len(settings.stages)} elements, one for each stage")
        self.now_ns = time.time_ns
        self.filtered_ns = 0
        """When the last filtered action was sent that no joint targets have answered yet; 0: there is none."""
        self.stages = {
            topic: Stage(Thresholds(*thresholds), round(settings.window * 1e9), topic in settings.pausing)
            for topic, *thresholds in zip(settings.stages, *lists.values(), strict=True)
        }
        self.targets = tuple(driven.targets)
        self.diagnostics_publisher = self.create_publisher(DiagnosticArray, topics.DIAGNOSTICS, messages.RELIABLE)
        group = NotExecuted()
        names = {topics.JOINT_STATES: settings.joint_states}
        names |= dict.fromkeys(driven.targets, settings.targets) if settings.targets else {}
        self.watched = {
            topic: subscribe(
                self, message_class(types[topic]), names.get(topic, topic), messages.EVERY, group, raw=True
            )
            for topic in self.stages
        }
        self.wall_timer(LOOK, self.on_timer)

    def on_timer(self) -> None:
        """Take what has come on all topics, in the order in which it was sent."""
        came = [(each.sent_ns, topic, each.message) for topic, found in self.watched.items() for each in take(found)]
        for sent_ns, topic, data in sorted(came, key=lambda each: each[0]):
            self.on_message(topic, data, sent_ns)

    def on_message(self, topic: str, data: bytes, sent_ns: int) -> None:
        """Take a serialized message: it begins with its header, or it is joint targets."""
        if topic in self.targets:
            stamp_ns = 0
            if sent_ns >= self.filtered_ns:  # topics may overtake each other
                stamp_ns, self.filtered_ns = self.filtered_ns, 0
        else:
            stamp_ns = messages.stamp_of(data)
            if topic == topics.FILTERED:
                self.filtered_ns = sent_ns
        self.stages[topic].add(sent_ns, stamp_ns)

    def diagnose(self) -> Diagnosis:
        self.on_timer()
        now_ns = self.now_ns()
        array = DiagnosticArray()
        array.header.stamp = self.get_clock().now().to_msg()
        broken = {}
        for topic, stage in self.stages.items():
            stage.forget(now_ns)
            problem, values = stage.problem(now_ns), stage.values()
            stage.repeated = 0
            if problem:
                broken[topic] = problem
            found = warning(problem, **values) if problem else Diagnosis("in time", values=values)
            array.status.append(status(f"{self.get_fully_qualified_name()}: {topic}", found, self.hardware_id))
        self.diagnostics_publisher.publish(array)
        if not broken:
            return Diagnosis("every stage is in time")
        text = "; ".join(f"{topic}: {problem}" for topic, problem in broken.items())
        self.get_logger().warning(text, throttle_duration_sec=10.0)
        return warning(f"too slow or irregular: {', '.join(broken)}", **broken)


def main() -> int:
    return run(TimingMonitor)


if __name__ == "__main__":
    sys.exit(main())
