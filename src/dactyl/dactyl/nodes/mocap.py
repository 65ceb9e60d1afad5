"""The motion-capture system: PhaseSpace, or a recording or a topic in its place."""

from __future__ import annotations

import queue
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticStatus

from dactyl import topics
from dactyl.errors import DactylError
from dactyl.hardware.device import DeviceReader
from dactyl.hardware.markers import Marker, MarkerFrame, MarkerSource
from dactyl.hardware.phasespace import PhaseSpace
from dactyl.hardware.replay import Replay, read_bag, read_c3d
from dactyl.ros.managed import INACTIVE, ManagedNode
from dactyl.ros.messages import SENSOR, nanoseconds, set_stamp
from dactyl.ros.node import Diagnosis, run, warning
from dactyl.ros.parameters import AUTOSTART, parameter
from dactyl_msgs.msg import MocapMarker, MocapMarkers

SILENCE = 0.5
"""s without a frame after which the diagnostics say so."""


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    source: str = parameter(
        "phasespace",
        "PhaseSpace itself, a recording (a C3D file or a bag), or another topic, such as a simulator's.",
        choices=("phasespace", "c3d", "bag", "topic"),
    )
    address: str = parameter("", "phasespace: host name or IP address of the server.")
    frequency: int = parameter(240, "phasespace: frames per second.", minimum=1, maximum=960)
    options: str = parameter("", "phasespace: more of OWL's options, such as profile=hand.")
    latency: float = parameter(
        0.0,
        "phasespace: from the LEDs' flash to the frame's soonest arrival, s; taken off the stamps.",
        minimum=0.0,
        maximum=1.0,
    )
    file: str = parameter("", "c3d, bag: the recording.")
    repeat: bool = parameter(True, "c3d, bag: begin again at the end.")
    topic: str = parameter(topics.absolute(topics.MARKERS), "bag, topic: where the dactyl_msgs/MocapMarkers are.")
    autostart: bool = parameter(True, AUTOSTART)


class MocapNode(ManagedNode):
    """-> mocap/markers."""

    def __init__(self) -> None:
        super().__init__("mocap")
        self.settings = self.declare(Parameters)
        self.message = MocapMarkers()
        self.message.header.frame_id = "mocap"
        self.reported = (time.monotonic(), 0)
        self.marker_publisher = self.create_publisher(MocapMarkers, topics.MARKERS, SENSOR)
        self.source = self._source()
        self.hardware_id = self.settings.address or self.source.name
        self.reader: DeviceReader[MarkerFrame] | None = None
        self.begin(self.settings.autostart)

    def start(self) -> None:
        self.reader = DeviceReader(self.source, self._publish, self.get_logger().warning)

    def stop(self) -> None:
        if self.reader is not None:
            self.reader.close()
        self.reader = None

    def _source(self) -> MarkerSource:
        settings = self.settings
        if settings.source == "phasespace":
            _require(settings.address, "address", "the PhaseSpace server's host name or IP address")
            return PhaseSpace(settings.address, self._now_ns, settings.frequency, settings.options, settings.latency)
        if settings.source == "topic":
            if self.resolve_topic_name(settings.topic) == self.marker_publisher.topic_name:
                raise DactylError(f"parameter topic = {settings.topic} is the topic that this node itself publishes")
            source = TopicSource(settings.topic)
            self.create_subscription(MocapMarkers, settings.topic, source.put, SENSOR)
            return source
        _require(settings.file, "file", "the recording to play")
        path = Path(settings.file).expanduser()
        recording = read_c3d(path) if settings.source == "c3d" else read_bag(path, settings.topic)
        for problem in recording.problems:
            self.get_logger().warning(problem)
        return Replay(path.name, recording, self._now_ns, settings.repeat)

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _publish(self, frame: MarkerFrame) -> None:
        """In the source's thread."""
        if not self.context.ok():
            return
        messages = self.message.markers
        if [marker.id for marker in frame.markers] != [message.id for message in messages]:
            self.message.markers = messages = [MocapMarker(id=marker.id) for marker in frame.markers]
        for message, marker in zip(messages, frame.markers, strict=True):
            message.position.x, message.position.y, message.position.z = marker.position
            message.condition = marker.condition
        set_stamp(self.message.header.stamp, max(frame.time_ns, 0))
        self.marker_publisher.publish(self.message)

    def diagnose(self) -> Diagnosis:
        now, reader = time.monotonic(), self.reader
        if reader is None:
            return INACTIVE
        since, frames = self.reported
        self.reported = (now, reader.readings)
        values = {
            "frames/s": round((reader.readings - frames) / (now - since), 1),
            "passed over": reader.device.dropped,
            "reconnections": reader.reconnections,
        }
        if reader.fault:
            return Diagnosis(reader.fault, DiagnosticStatus.ERROR, values)
        if reader.silence > SILENCE:
            return warning(f"{reader.device.name}: no frame for {reader.silence:.1f} s", **values)
        return Diagnosis(values=values)


class TopicSource:
    """Markers that another node publishes."""

    dropped = 0

    def __init__(self, topic: str) -> None:
        self.name = topic
        self._frames: queue.SimpleQueue[MarkerFrame] = queue.SimpleQueue()

    def put(self, message: MocapMarkers) -> None:
        """Take a message; in the node's thread."""
        markers = [Marker(m.id, (m.position.x, m.position.y, m.position.z), m.condition) for m in message.markers]
        self._frames.put(MarkerFrame(nanoseconds(message.header.stamp), markers))

    def open(self) -> None:
        """The subscription is open already."""

    def read(self, timeout: float) -> MarkerFrame | None:
        try:
            return self._frames.get(timeout=timeout)
        except queue.Empty:
            return None

    def close(self) -> None:
        """The subscription goes with the node."""


def _require(value: str, name: str, meaning: str) -> None:
    if not value:
        raise DactylError(f"parameter {name} is empty: {meaning}")


def main() -> int:
    return run(MocapNode)


if __name__ == "__main__":
    sys.exit(main())
