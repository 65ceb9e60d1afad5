"""What is in a bag, and a new bag from what is left in a damaged one."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcap.records import Attachment, Metadata

from dactyl.errors import DactylError
from dactyl.recording.bag import BagWriter, Qos, Topic
from dactyl.recording.reading import Bag, BagTopic, Recorded

RESERVED = "rosbag2"
"""The metadata record that every bag gets anew."""
MAX_STEPS = 5
"""Of the clock that are told of."""


@dataclass
class Contents:
    """What was found in a bag."""

    path: Path
    types: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    """Messages that can be read, by topic."""
    size: dict[str, int] = field(default_factory=dict)
    """Bytes of them before compression, by topic."""
    start_ns: int = 2**63 - 1
    end_ns: int = 0
    disk_bytes: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    """Messages that the recorder did not get, by topic, as it said itself."""
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is odd, but no damage."""
    _last_ns: int = 0

    @property
    def seconds(self) -> float:
        return max(0, self.end_ns - self.start_ns) * 1e-9 if self.counts else 0.0

    def count(self, message: Recorded) -> None:
        back = (self._last_ns - message.received_ns) * 1e-9
        if back > 1.0:
            self.notes.append(f"the clock goes back by {back:.1f} s after {sum(self.counts.values())} messages")
        self._last_ns = message.received_ns
        self.counts[message.topic] += 1
        self.size[message.topic] = self.size.get(message.topic, 0) + len(message.data)
        self.start_ns = min(self.start_ns, message.received_ns)
        self.end_ns = max(self.end_ns, message.received_ns)

    def as_text(self) -> str:
        """For people."""
        lines = [
            f"{self.path}: {sum(self.counts.values())} messages in {self.seconds:.1f} s, "
            f"{self.disk_bytes / 1e6:.1f} MB ({sum(self.size.values()) / 1e6:.1f} MB before compression)"
        ]
        for name in sorted(self.types):
            count = self.counts[name]
            rate = count / self.seconds if self.seconds else 0.0
            lost = f"  lost {self.lost[name]}" if name in self.lost else ""
            lines.append(f"  {name:44} {count:7}  {rate:6.1f} Hz  {self.types[name]}{lost}")
        lines += [f"note: {note}" for note in self.notes]
        lines += [f"damaged: {problem}" for problem in self.problems]
        return "\n".join(lines)

    def as_results(self) -> dict[str, Any]:
        """For --json."""
        return {
            "messages": sum(self.counts.values()),
            "seconds": round(self.seconds, 3),
            "size_mb": round(self.disk_bytes / 1e6, 2),
            "topics": {name: self.counts[name] for name in sorted(self.types)},
            "lost": self.lost,
            "problems": self.problems,
            "notes": self.notes,
        }


def examine(path: Path) -> Contents:
    """Read a bag from front to back.

    Raises:
        DactylError: there is nothing to read.
    """
    bag = Bag(path)
    contents = Contents(path)
    for message in bag.messages():
        contents.count(message)
    return _complete(contents, bag)


def recover(path: Path, out: Path) -> Contents:
    """Write every message that can be read to a new bag, as it was there; what was found.

    Messages that were compressed one by one are written as they are when unpacked. Nothing is left of a bag that could
    not be finished.

    Raises:
        DactylError: there is nothing to read, or no message left, or `out` exists or cannot be written.
    """
    bag = Bag(path)
    contents = Contents(path)
    writer = BagWriter(out, about=bag.about, profile=bag.profile)
    try:
        _copy(bag, writer, contents)
        if not contents.counts:
            raise DactylError(f"{path} has no messages that can be read{bag.because}: nothing is written")
        writer.close()
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)
        raise
    return _complete(contents, bag)


def _copy(bag: Bag, writer: BagWriter, contents: Contents) -> None:
    keys: dict[tuple[str, BagTopic], str] = {}
    for item in bag.contents():
        if isinstance(item, Attachment):
            writer.add_attachment(item)
        elif isinstance(item, Metadata):
            if item.name != RESERVED:
                writer.add_metadata(item.name, item.metadata)
        elif item.kind is not None:
            described = item.topic, item.kind
            if described not in keys:
                keys[described] = f"{item.topic} {len(keys)}"
                writer.add_topic(_topic(item.topic, item.kind), keys[described])
            writer.write(keys[described], item.data, item.received_ns, item.sent_ns, item.sequence)
            contents.count(item)


def _complete(contents: Contents, bag: Bag) -> Contents:
    contents.types = {name: topic.described for name, topic in bag.topics.items()}
    contents.problems = bag.problems
    contents.notes = [*bag.notes, *contents.notes[:MAX_STEPS]]
    contents.disk_bytes = sum(file.stat().st_size for file in bag.files)
    contents.lost = bag.lost
    return contents


def _topic(name: str, kind: BagTopic) -> Topic:
    return Topic(
        name, kind.type, kind.definition, kind.type_hash, Qos.read(kind.qos), kind.encoding, kind.schema_encoding,
        kind.schema, kind.metadata,
    )  # fmt: skip
