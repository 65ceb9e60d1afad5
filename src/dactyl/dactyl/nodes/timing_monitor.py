"""Watches the timing of every stage from the sensors to the hand, and warns when a threshold is broken.

Times are DDS source timestamps, taken when a message is handed to the middleware by the node that publishes it; what a
message is made of is its stamp. Joint targets carry none: their latency is counted from the filtered action before.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import QoSProfile, ReliabilityPolicy

from dactyl import topics
from dactyl.errors import DactylError
from dactyl.monitoring.timing import Stage, Thresholds
from dactyl.registry import DEFAULTS
from dactyl.robot import robot as robots
from dactyl.ros import messages
from dactyl.ros.messages import message_class
from dactyl.ros.node import DactylNode, Diagnosis, run, status, warning
from dactyl.ros.parameters import parameter

TARGETS, _TARGETS_TYPE = next(iter(robots.load(DEFAULTS["robots"]).targets.items()))
TYPES = {
    topic: message_class(topics.TYPES[topic])
    for topic in (
        topics.MARKERS,
        topics.FINGERTIPS,
        topics.MOCAP_POSE,
        topics.VISION_POSE,
        topics.ACTION,
        topics.FILTERED,
        topics.JOINT_STATES,
        *map(topics.camera_info, topics.CAMERAS),  # sent with each image, and small
    )
} | {TARGETS: message_class(_TARGETS_TYPE)}
_EVERY = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)


@dataclass(frozen=True)
class Parameters:
    """What can be configured: one element of each list for each stage."""

    stages: tuple[str, ...] = parameter(
        (
            topics.MARKERS,
            topics.FINGERTIPS,
            topics.MOCAP_POSE,
            topics.ACTION,
            topics.FILTERED,
            TARGETS,
            topics.JOINT_STATES,
        ),
        "Topics to watch.",
        choices=tuple(TYPES),
    )
    period: tuple[float, ...] = parameter(
        (0.008, 0.008, 0.008, 0.08, 0.08, 0.008, 0.008), "Nominal period, s.", minimum=1e-4, maximum=10.0
    )
    max_jitter: tuple[float, ...] = parameter(
        (0.008, 0.008, 0.008, 0.008, 0.008, 0.004, 0.008), "Limit of the jitter's p99, s.", minimum=1e-5, maximum=10.0
    )
    max_latency: tuple[float, ...] = parameter(
        (0.01, 0.015, 0.015, 0.04, 0.045, 0.01, 0.02), "Limit of the latency's p99, s.", minimum=1e-5, maximum=10.0
    )
    pausing: tuple[str, ...] = parameter(
        (topics.ACTION, topics.FILTERED, TARGETS),
        "Stages that may be silent, as they are between trials.",
        choices=tuple(TYPES),
    )
    window: float = parameter(10.0, "Time that the percentiles are taken over, s.", minimum=1.0, maximum=600.0)


class TimingMonitor(DactylNode):
    """Every stage's topic -> /diagnostics, one status for each."""

    def __init__(self) -> None:
        super().__init__("timing_monitor")
        settings = self.declare(Parameters)
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
        self.diagnostics_publisher = self.create_publisher(DiagnosticArray, topics.DIAGNOSTICS, messages.RELIABLE)
        for topic in self.stages:
            self.create_subscription(TYPES[topic], topic, partial(self.on_message, topic), _EVERY, raw=True)

    def on_message(self, topic: str, data: bytes, info: Any) -> None:
        """Take a serialized message: every one of these begins with its header, and a header with its stamp."""
        sent_ns = info["source_timestamp"]
        stamp_ns = int.from_bytes(data[4:8], "little") * 1_000_000_000 + int.from_bytes(data[8:12], "little")
        if topic == topics.FILTERED:
            self.filtered_ns = sent_ns
        elif topic == TARGETS and sent_ns >= self.filtered_ns:  # topics may overtake each other
            stamp_ns, self.filtered_ns = self.filtered_ns, 0
        self.stages[topic].add(sent_ns, stamp_ns)

    def diagnose(self) -> Diagnosis:
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
            array.status.append(status(f"{self.get_fully_qualified_name()}: {topic}", found))
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
