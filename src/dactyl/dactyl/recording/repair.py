"""What is in a bag, and a new bag from what is left in a damaged one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from dactyl.recording.bag import BagWriter, Qos, Topic
from dactyl.recording.reading import Bag, BagTopic, Recorded


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

    @property
    def seconds(self) -> float:
        return max(0, self.end_ns - self.start_ns) * 1e-9 if self.counts else 0.0

    def count(self, message: Recorded) -> None:
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
    """Write every message that can be read to a new bag; what was found there.

    Raises:
        DactylError: there is nothing to read, or `out` exists or cannot be written.
    """
    bag = Bag(path)
    contents = Contents(path)
    writer = BagWriter(out, about=bag.about)
    for message in bag.messages():
        if message.topic not in writer.topics:
            writer.add_topic(_topic(message.topic, bag.topics[message.topic]))
        writer.write(message.topic, message.data, message.received_ns, message.sent_ns, message.sequence)
        contents.count(message)
    writer.close()
    return _complete(contents, bag)


def _complete(contents: Contents, bag: Bag) -> Contents:
    contents.types = {name: topic.type for name, topic in bag.topics.items()}
    contents.problems = bag.problems
    contents.disk_bytes = sum(file.stat().st_size for file in bag.files)
    contents.lost = dict(bag.recorded().get("lost", {}))
    return contents


def _topic(name: str, topic: BagTopic) -> Topic:
    profiles = yaml.safe_load(topic.qos) or []
    known = tuple(Qos(p["reliability"], p["durability"], p["history"], p["depth"]) for p in profiles)
    return Topic(name, topic.type, topic.definition, topic.type_hash, known)
