"""Reads bags from front to back without their index, so that damaged ones give what is left in them.

Messages are decoded with the definitions that the bag carries.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from mcap.records import Attachment, Channel, Header, Message, Metadata, Schema
from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore

from dactyl import registry, topics
from dactyl.environment import task as tasks
from dactyl.environment.task import Task
from dactyl.errors import DactylError
from dactyl.recording import compression, folder
from dactyl.recording.definitions import definition
from dactyl.recording.records import MAGIC, RecordReader
from dactyl.robot import robot as robots
from dactyl.robot.robot import Robot
from dactyl.storage.documents import first_line
from dactyl.topics import ACTION, NAMESPACE, TYPES

UNKNOWN = "/unknown/channel_{}"
"""Topic of messages whose own topic was lost with a damaged chunk."""
_IDL_HEADER = re.compile(r"^=+\r?\nIDL: .*\n", re.MULTILINE)
"""Before each part of an IDL definition, the first one too."""
_IDL_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include\b.*$", re.MULTILINE)
"""The file is another part."""
EXPECTED = {topics.absolute(name): kind for name, kind in topics.TYPES.items()}
"""Message types by topic, as the graph has them."""


class BagTopic(NamedTuple):
    """A topic of a bag, and how its messages are written."""

    type: str
    """Empty where there is no schema."""
    definition: str
    type_hash: str
    qos: str
    """YAML list of the offered profiles."""
    encoding: str = "cdr"
    """Of messages."""
    schema_encoding: str = "ros2msg"
    """Of the definition; empty where there is none."""
    schema: bytes | None = None
    """The definition as it is in the file; None where there is no schema."""
    metadata: tuple[tuple[str, str], ...] = ()

    @property
    def described(self) -> str:
        """For people: the type, with what is unusual."""
        kind = self.type or ("no schema" if self.encoding else "not known")
        return kind if self.encoding in ("cdr", "") else f"{kind} ({self.encoding})"


class Recorded(NamedTuple):
    """A message of a bag, serialised."""

    topic: str
    received_ns: int
    """When the recorder got it, system time."""
    sent_ns: int
    """When it was published, system time."""
    sequence: int
    """Which message of its publisher, where the recorder knew."""
    data: bytes
    kind: BagTopic | None = None
    """How it is written; None: as the bag's other messages on the topic."""


class Bag:
    """A rosbag2 folder or a single .mcap file."""

    def __init__(self, path: Path, namespace: str = NAMESPACE) -> None:
        """
        Args:
            path: of the folder or the file.
            namespace: of the graph that is meant. Its messages come under the names of the usual namespace, and those
                of a graph that has this one do not come then.

        Raises:
            DactylError: there is nothing to read.
        """
        self.path, self.namespace = path, namespace
        found = folder.find(path)
        self.files, self.notes, self._packed = found.files, found.notes, found.packed_messages
        self.custom_data = found.information.get("custom_data")
        """What the recorder wrote about the bag into metadata.yaml, as it is there."""
        self.topics: dict[str, BagTopic] = {}
        """By their names in the bag. Known after `messages` has met them; those of a complete bag at once."""
        self.problems: list[str] = []
        """What `messages` found damaged, one line each."""
        self.profile = ""
        """What the first file says all of it is, such as ros2."""
        self._missing = list(found.problems)
        self._opened: list[_File] = []
        for file in self.files:
            self._open(file)
        if not self._opened:
            raise DactylError(self._missing[-1].replace(self.files[-1].name, str(self.files[-1]), 1))

    def _open(self, path: Path) -> None:
        try:
            file = _File(path, self._packed)
        except DactylError as error:
            self._missing.append(str(error))
            return
        self.profile = self.profile or file.profile
        self._opened.append(file)
        for channel in file.channels.values():
            self.topics.setdefault(channel.topic, file.kind(channel))

    @property
    def about(self) -> dict[str, str]:
        """custom_data of metadata.yaml; empty without one."""
        data = self.custom_data
        if isinstance(data, Mapping):
            return {str(key): str(value) for key, value in data.items()}
        return {"custom_data": str(data)} if data else {}

    @property
    def robot(self) -> Robot:
        """The robot that was recorded, as its first action says.

        Raises:
            DactylError: it is not installed.
        """
        _, action = next(self.decoded({topics.absolute(topics.ACTION)}), (None, None))
        return robots.load(getattr(action, "robot", registry.DEFAULTS["robots"]))

    @property
    def task(self) -> Task:
        """The task that was worked on; messages do not say it, so it is the one there was first."""
        return tasks.load(registry.DEFAULTS["tasks"])

    @property
    def lost(self) -> dict[str, int]:
        """Messages that the project's recorder did not get, by topic, as it said itself; empty of another's bag."""
        try:
            lost = json.loads(self.about.get("dactyl", "{}"))["lost"]
            return {str(topic): int(count) for topic, count in lost.items()}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
            return {}

    @property
    def because(self) -> str:
        """The first problem, for the end of a sentence; empty without one."""
        return f": {self.problems[0]}" if self.problems else ""

    def messages(self, topics: Collection[str] | None = None) -> Iterator[Recorded]:
        """Every message that can be read, in the order of recording; of these topics, or of all.

        What is damaged is left out and named in `problems` afterwards.
        """
        return (item for item in self.contents(topics) if isinstance(item, Recorded))

    def contents(self, topics: Collection[str] | None = None) -> Iterator[Recorded | Attachment | Metadata]:
        """The messages, and what else was put into the files."""
        self.problems = list(self._missing)
        wanted = None if topics is None else {self.own_name(topic) for topic in topics}
        for file in self._opened:
            for item in file.contents(wanted, self.topics):
                if not isinstance(item, Recorded):
                    yield item
                elif (name := self._usual_name(item.topic)) is not None:
                    yield item if name == item.topic else item._replace(topic=name)
            self.problems += file.problems

    def own_name(self, topic: str) -> str:
        """What a topic of the usual namespace is called in the bag."""
        return _moved(topic, NAMESPACE, self.namespace)

    def _usual_name(self, topic: str) -> str | None:
        """The reverse; None where it is another graph's."""
        if topic.startswith(f"{self.namespace}/"):
            return _moved(topic, self.namespace, NAMESPACE)
        return None if topic.startswith(f"{NAMESPACE}/") else topic

    @property
    def graphs(self) -> list[str]:
        """Namespaces of the graphs whose actions are in the bag, as far as its topics are known."""
        end = f"/{ACTION}"
        kinds = {TYPES[ACTION], TYPES[ACTION].replace("/msg/", "/")}
        return sorted(
            topic.removesuffix(end) for topic, kind in self.topics.items() if topic.endswith(end) and kind.type in kinds
        )

    @property
    def elsewhere(self) -> str:
        """For the end of a message about what is not there: which other graphs are."""
        others = [graph for graph in self.graphs if graph != self.namespace]
        return f"; it has graphs in other namespaces: {', '.join(others)}" if others else ""

    def decoded(self, topics: Collection[str]) -> Iterator[tuple[Recorded, Any]]:
        """Messages of these topics with their fields; one that cannot be decoded counts as a problem."""
        undecoded = Undecoded()
        for message in self.messages(topics):
            if (fields := undecoded.decode(self, message)) is not None:
                yield message, fields
        self.problems += undecoded.problems

    def decode(self, message: Recorded) -> Any:
        """A message's fields, under the names of its definition.

        Raises:
            DactylError: the definition in the bag does not fit the message, or it is not of the type that the graph has
                on its topic.
        """
        kind = message.kind or self.topics[self.own_name(message.topic)]
        expected = EXPECTED.get(message.topic, kind.type)
        if kind.type.replace("/msg/", "/") != expected.replace("/msg/", "/"):
            raise DactylError(f"{self.path}: {message.topic} is {kind.type or 'without a type'}, not {expected}")
        try:
            decoder = _decoder(kind.type, kind.encoding, kind.schema_encoding, kind.definition)
            return decoder(message.data)
        except Exception as error:  # rosbags raises what its generated code happens to
            why = first_line(error)
            raise DactylError(f"{self.path}: a message of {message.topic} cannot be decoded: {why}") from error


def _moved(topic: str, before: str, after: str) -> str:
    """A topic's name with another namespace, where it has the one before."""
    return f"{after}{topic.removeprefix(before)}" if topic.startswith(f"{before}/") else topic


class Undecoded:
    """Counts messages that cannot be decoded."""

    def __init__(self) -> None:
        self._counts = Counter[str]()
        self._reasons: dict[str, str] = {}

    def decode(self, bag: Bag, message: Recorded) -> Any:
        """The fields; None where they cannot be had."""
        try:
            return bag.decode(message)
        except DactylError as error:
            self._counts[message.topic] += 1
            self._reasons.setdefault(message.topic, str(error).removeprefix(f"{bag.path}: "))
            return None

    @property
    def problems(self) -> list[str]:
        return [
            f"{count} messages of {topic} cannot be decoded ({self._reasons[topic]})"
            for topic, count in self._counts.items()
        ]


class _File:
    """One file of a bag."""

    def __init__(self, path: Path, packed: bool) -> None:
        self.path, self._packed = path, packed
        self.problems: list[str] = []
        self._unpacking = ""
        try:
            self._stream = self._open()
            size = os.fstat(self._stream.fileno()).st_size
        except OSError as error:
            raise DactylError(f"{path.name} cannot be read: {error.strerror}") from error
        start = os.pread(self._stream.fileno(), len(MAGIC), 0)
        if start != MAGIC:
            empty = "holds nothing that can be unpacked" if path.stat().st_size else "is empty"
            raise DactylError(f"{path.name} {f'is no MCAP file{self._unpacking}' if start else empty}")
        self._size = size
        reader = RecordReader(self._stream.fileno(), size)
        self.profile, summary = reader.profile(), reader.summary()
        self._complete = summary is not None
        self._schemas = dict(summary.schemas) if summary else {}
        self.channels = dict(summary.channels) if summary else {}

    def _open(self) -> BinaryIO:
        """The file, or a temporary one with what it is when unpacked."""
        stream = self.path.open("rb")
        if not compression.compressed(stream.read(4)):
            return stream
        unpacked: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115
        with stream:
            if why := compression.unpack(stream, unpacked):
                self._unpacking = f" when it is unpacked ({why})"
        return unpacked

    def kind(self, channel: Channel | None) -> BagTopic:
        """How a channel's messages are written; None: not known."""
        if channel is None:
            return BagTopic("", "", "", "", "", "")
        about = channel.metadata
        schema = self._schemas.get(channel.schema_id)
        return BagTopic(
            schema.name if schema else "",
            schema.data.decode(errors="replace") if schema else "",
            about.get("topic_type_hash", ""),
            about.get("offered_qos_profiles", ""),
            channel.message_encoding,
            schema.encoding if schema else "",
            schema.data if schema else None,
            tuple(about.items()),
        )

    def contents(
        self, topics: Collection[str] | None, known: dict[str, BagTopic]
    ) -> Iterator[Recorded | Attachment | Metadata]:
        """Messages of these topics or of all, with attachments and metadata; `known` gets the topics that are met."""
        reader = RecordReader(self._stream.fileno(), self._size)
        kinds: dict[int, tuple[str, BagTopic]] = {}
        unknown, packed = Counter[int](), Counter[str]()
        for record in reader.records():
            if isinstance(record, Message):
                if record.channel_id not in kinds:
                    channel = self.channels.get(record.channel_id)
                    topic = channel.topic if channel else UNKNOWN.format(record.channel_id)
                    kinds[record.channel_id] = topic, self.kind(channel)
                    known.setdefault(topic, self.kind(channel))
                topic, kind = kinds[record.channel_id]
                unknown[record.channel_id] += record.channel_id not in self.channels
                if topics is not None and topic not in topics:
                    continue
                data = self._unpacked(record.data, kind)
                if data is None:
                    packed[topic] += 1
                else:
                    yield Recorded(topic, record.log_time, record.publish_time, record.sequence, data, kind)
            elif isinstance(record, Header):
                continue
            elif isinstance(record, Schema):
                self._schemas[record.id] = record
                kinds.clear()
            elif isinstance(record, Channel):
                self.channels[record.id] = record
                known.setdefault(record.topic, self.kind(record))
                kinds.clear()
            else:
                yield record
        self.problems = [
            f"{self.path.name}{' ' if problem.startswith(('ends ', 'has ', 'is ')) else ': '}{problem}"
            for problem in self._damage(reader, unknown, packed)
        ]

    def _damage(self, reader: RecordReader, unknown: Counter[int], packed: Counter[str]) -> Iterator[str]:
        if self._unpacking:
            yield f"is damaged{self._unpacking}"
        yield from reader.problems
        if not reader.problems and not self._complete:
            yield "has no whole summary at its end"
        if count := sum(unknown.values()):
            yield f"has {count} messages of unknown topics"
        for topic, count in packed.items():
            yield f"has {count} messages of {topic} that are damaged (they cannot be unpacked)"

    def _unpacked(self, data: bytes, kind: BagTopic) -> bytes | None:
        """A message, unpacked where it is compressed by itself: CDR never begins as zstd or LZ4 do."""
        if not compression.compressed(data):
            return None if self._packed and data and kind.encoding != "cdr" else data
        if not self._packed and kind.encoding != "cdr":
            return data
        try:
            return compression.decompress(data)
        except compression.CompressionError:
            return None


@contextmanager
def understood(path: Path) -> Iterator[None]:
    """One line where a message has other fields than those of its type have.

    Raises:
        DactylError: in place of what the fields' users raise.
    """
    try:
        yield
    except (AttributeError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise DactylError(f"{path} has a message that is not what its type says: {first_line(error)}") from error


def nanoseconds(stamp: Any) -> int:
    """A decoded builtin_interfaces/Time as one number."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


@lru_cache(maxsize=256)
def _decoder(type_name: str, encoding: str, schema_encoding: str, text: str) -> Callable[[bytes], Any]:
    """
    Raises:
        Exception: the definition is not what rosbags reads.
    """
    if encoding != "cdr":
        raise ValueError(f"its encoding is {encoding or 'not known'}, not cdr")
    if schema_encoding == "ros2idl":
        store = get_typestore(Stores.EMPTY)
        for part in filter(str.strip, _IDL_HEADER.split(_IDL_INCLUDE.sub("", text))):
            store.register(get_types_from_idl(part))
    elif schema_encoding == "ros2msg" and text:
        store = get_typestore(Stores.EMPTY)
        store.register(get_types_from_msg(text, type_name))
    else:  # the recorder did not know it
        store = get_typestore(Stores.ROS2_JAZZY)
        if type_name not in store.fielddefs:
            store.register(get_types_from_msg(definition(type_name), type_name))
    return lambda data: store.deserialize_cdr(data, type_name)
