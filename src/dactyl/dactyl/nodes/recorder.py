"""Records topics of the running graph as a rosbag2 bag, undecoded. For machines without `ros2 bag record`.

Messages are taken from DDS every 20 ms and not as they come: a wait set with all topics in it would cost more than
all the rest. When each one arrived is what DDS says. Publishers number their messages; gaps are what was lost.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from rclpy.topic_or_service_is_hidden import topic_or_service_is_hidden

from dactyl import results
from dactyl.errors import DactylError
from dactyl.recording import bag
from dactyl.recording.definitions import definition
from dactyl.ros.messages import message_class
from dactyl.ros.node import DactylNode, Diagnosis, run, warning
from dactyl.ros.parameters import parameter
from dactyl.ros.polling import NotExecuted, Taken, subscribe, take

TAKE_PERIOD = 0.02  # s
SCAN_PERIOD = 0.25  # s between looks for new topics
LATE = 5.0  # s after which a topic that sends nothing is named
NOTHING = 60.0  # s after which a recording of so many seconds that has not begun ends, if they are fewer
FLUSH_PERIOD = 1.0  # s: what a kill may lose
DEPTH = 100  # messages of a topic that may wait in DDS
WAITING_BYTES = 512 * 2**20  # that may wait for the disk
IMAGE_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
IMAGES_RATE, OTHER_RATE = 36e6, 0.5e6
"""Bytes/s before compression of three cameras' pictures, and of everything else."""


@dataclass(frozen=True)
class Parameters:
    """What can be configured."""

    bag: str = parameter("", "Folder to make, the bag.")
    topics: str = parameter("", "Topics to record, separated by spaces. Empty: all there are.")
    images: bool = parameter(True, "Record pictures too, where `topics` is empty.")
    seconds: float = parameter(
        0.0, "How long, from the first message; without one it ends after a minute. 0: until it is ended.", minimum=0.0
    )
    split_mb: int = parameter(2000, "Size at which the next file begins, MB. 0: one file.", minimum=0)
    report: str = parameter("", "File for the results, as JSON. Empty: none.")


class Recorder(DactylNode):
    """every topic -> a bag."""

    ends_within = 40
    """What waits for the disk is written; who started it kills it after 30 s."""

    def __init__(self) -> None:
        super().__init__("recorder")
        self.settings = settings = self.declare(Parameters)
        if not settings.bag:
            raise DactylError("parameter bag is empty: it names the folder to make")
        if settings.report:
            results.check_writable(Path(settings.report))
        self.wanted = {topic if topic.startswith("/") else f"/{topic}" for topic in settings.topics.split()}
        rate = OTHER_RATE + (IMAGES_RATE if (settings.images and not self.wanted) or self._wants_images() else 0.0)
        bag.check_space(Path(settings.bag), settings.seconds or 60.0, rate)
        self.writer = bag.BagWriter(Path(settings.bag), settings.split_mb * 10**6)
        self.group = NotExecuted()
        self.taps: dict[str, Subscription] = {}
        self.refused: set[str] = set()
        """Topics that cannot be recorded."""
        self.last_sequence: dict[str, int] = {}
        self.lost = Counter[str]()
        """On the way here, by gaps in the publishers' numbers."""
        self.dropped = Counter[str]()
        """Here, because the disk is too slow."""
        self.uncounted: set[str] = set()
        """Topics with several publishers, whose numbers are mixed up."""
        self.waiting: SimpleQueue[tuple[str, Taken] | bag.Topic] = SimpleQueue()
        self.waiting_bytes = 0
        self.started = time.monotonic()
        self.begun: float | None = None
        self.last = 0.0
        """Monotonic time of the last look that found messages."""
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._write_all, daemon=True)
        self.thread.start()
        self.wall_timer(TAKE_PERIOD, self._take_all)
        self.wall_timer(SCAN_PERIOD, self._scan)
        self.late = self.wall_timer(LATE, self._say_what_lacks) if self.wanted else None
        self.get_logger().info(f"recording to {settings.bag}")

    def _wants_images(self) -> bool:
        return any("image" in topic for topic in self.wanted)

    # ------------------------------------------------------------------------------------------------ main thread

    @property
    def missing(self) -> list[str]:
        """Topics that were asked for and have sent nothing yet."""
        return sorted(self.wanted - self.last_sequence.keys())

    def _say_what_lacks(self) -> None:
        """Once, when what is there has had the time to come."""
        if self.late:
            self.late.cancel()
        if self.missing:
            self.get_logger().warning(f"nothing came yet on {', '.join(self.missing)}")

    def _scan(self) -> None:
        """Subscribe to topics that have come up since the last look."""
        for name, types in self.get_topic_names_and_types():
            if name in self.taps:
                if self.count_publishers(name) > 1:
                    self.uncounted.add(name)
            elif name not in self.refused and self._is_wanted(name, types[0]) and self.count_publishers(name):
                self._subscribe(name, types[0])

    def _is_wanted(self, name: str, kind: str) -> bool:
        if self.wanted:
            return name in self.wanted
        return not topic_or_service_is_hidden(name) and (self.settings.images or kind not in IMAGE_TYPES)

    def _subscribe(self, name: str, kind: str) -> None:
        publishers = self.get_publishers_info_by_topic(name)
        offered = [publisher.qos_profile for publisher in publishers]
        try:
            type_class = message_class(kind)
            text = definition(kind)
        except DactylError as error:
            self.refused.add(name)
            self.get_logger().warning(f"{name} is not recorded: {error}")
            return
        reliable = all(qos.reliability == ReliabilityPolicy.RELIABLE for qos in offered)
        latched = all(qos.durability == DurabilityPolicy.TRANSIENT_LOCAL for qos in offered)
        profile = QoSProfile(
            depth=DEPTH,
            history=HistoryPolicy.KEEP_LAST,
            reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
        )
        qos = tuple(bag.Qos(_word(q.reliability), _word(q.durability)) for q in offered)
        self.waiting.put(bag.Topic(name, kind, text, str(publishers[0].topic_type_hash), qos))
        self.taps[name] = subscribe(self, type_class, name, profile, self.group, raw=True)

    def _take_all(self) -> None:
        if taken := [(name, message) for name, tap in self.taps.items() for message in take(tap)]:
            self._keep(taken)
        if self.settings.seconds and time.monotonic() >= self._end():
            self.finish()

    def _end(self) -> float:
        """When a recording of so many seconds is over, monotonic; also where nothing comes, or nothing more."""
        seconds = self.settings.seconds
        return self.started + max(seconds, NOTHING) if self.begun is None else self.begun + seconds

    def _keep(self, taken: list[tuple[str, Taken]]) -> None:
        self.last = time.monotonic()
        self.begun = self.begun or self.last
        for name, message in sorted(taken, key=lambda item: item[1].received_ns):
            self._count_lost(name, message.sequence)
            if self.waiting_bytes > WAITING_BYTES:
                self.dropped[name] += 1
            else:
                self.waiting_bytes += len(message.message)
                self.waiting.put((name, message))

    def _count_lost(self, name: str, sequence: int) -> None:
        before = self.last_sequence.get(name)
        self.last_sequence[name] = sequence
        if before is not None and sequence > before + 1 and name not in self.uncounted:
            self.lost[name] += sequence - before - 1

    # ---------------------------------------------------------------------------------------------- writing thread

    def _write_all(self) -> None:
        try:
            self._write_until_stopped()
            self.writer.about["dactyl"] = json.dumps({"lost": self._lost(), "not_counted": sorted(self.uncounted)})
        except BaseException as error:
            self.failure = error
        try:
            self.writer.close()  # after a failure too: without an index the bag can be read, with one faster
        except DactylError as error:
            self.failure = self.failure or error
        if self.failure:
            self.finish()

    def _write_until_stopped(self) -> None:
        flushed = time.monotonic()
        while True:
            try:
                item = self.waiting.get(timeout=0.1)
            except Empty:
                if self.stopping.is_set():
                    return
                item = None
            if isinstance(item, bag.Topic):
                self.writer.add_topic(item)
            elif item is not None:
                name, message = item
                self.writer.write(name, *message)
                self.waiting_bytes -= len(message.message)
            if time.monotonic() - flushed > FLUSH_PERIOD:
                self.writer.flush()
                flushed = time.monotonic()

    # ---------------------------------------------------------------------------------------------------- the end

    def _lost(self) -> dict[str, int]:
        return dict(self.lost + self.dropped)

    def diagnose(self) -> Diagnosis:
        lost = self._lost()
        values = {"messages": sum(self.writer.counts.values()), "topics": len(self.taps), "lost": sum(lost.values())}
        if self.missing or not self.taps:
            return warning(f"nothing yet on {', '.join(self.missing) or 'any topic'}", **values)
        if self.dropped:
            return warning("the disk is too slow: messages are left out", **values)
        return warning("messages were lost", **values, **lost) if lost else Diagnosis("recording", values=values)

    def destroy_node(self) -> None:
        if self.context.ok():
            self._take_all()  # what has come since the last look
        self.stopping.set()
        self.thread.join()
        self._report()
        if self.wanted and not self.last_sequence:
            self.failure = self.failure or DactylError(f"nothing came on {', '.join(self.missing)}")
        super().destroy_node()

    def _report(self) -> None:
        seconds = self.last - self.begun if self.begun else 0.0
        counts, lost = self.writer.counts, self._lost()
        outcome = {
            "bag": self.settings.bag,
            "seconds": round(seconds, 2),
            "messages": sum(counts.values()),
            "size_mb": round(sum(path.stat().st_size for path in self.writer.folder.glob("*.mcap")) / 1e6, 2),
            "lost": sum(lost.values()),
            "lost_by_topic": lost,
            "missing": self.missing,
            "cpu_percent": round(100 * time.process_time() / seconds, 1) if seconds else None,
            "topics": dict(sorted(counts.items())),
        }
        print(
            f"{self.settings.bag}: {outcome['messages']} messages of {len(counts)} topics in {seconds:.1f} s, "
            f"{outcome['size_mb']} MB; lost: {outcome['lost']}",
            flush=True,
        )
        for topic, count in lost.items():
            print(f"lost of {topic}: {count}", flush=True)
        if self.missing:
            print(f"nothing came on {', '.join(self.missing)}", flush=True)
        if self.settings.report and not self.failure:
            results.write(Path(self.settings.report), "record", None, outcome)


def _word(policy: Any) -> str:
    """rosbag2's word for a QoS policy's value."""
    return str(policy.name).lower()


def main() -> int:
    made: list[Recorder] = []

    def make() -> Recorder:
        made.append(Recorder())
        return made[0]

    code = run(make)
    if code == 0 and made[0].failure:  # while the bag was being closed
        print(f"cannot go on: {made[0].failure}", file=sys.stderr, flush=True)
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
