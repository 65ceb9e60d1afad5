"""Reads bags from front to back without their index, so that damaged ones give what is left in them.

Messages are decoded with the definitions that the bag carries.
"""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
import zstandard
from mcap.exceptions import McapError
from mcap.reader import SeekingReader
from mcap.records import Channel, Chunk, Message, Schema
from mcap.stream_reader import CRCValidationError, StreamReader, breakup_chunk
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from dactyl import registry, topics
from dactyl.environment import task as tasks
from dactyl.environment.task import Task
from dactyl.errors import DactylError
from dactyl.robot import robot as robots
from dactyl.robot.robot import Robot

_DAMAGE = (McapError, CRCValidationError, EOFError, struct.error, ValueError, zstandard.ZstdError, MemoryError)
_RECORD_LIMIT = 2**30  # bytes: a longer record is a damaged length


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


class BagTopic(NamedTuple):
    """A topic of a bag."""

    type: str
    definition: str
    type_hash: str
    qos: str
    """YAML list of the offered profiles."""


class Bag:
    """A rosbag2 folder or a single .mcap file."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            DactylError: there is nothing to read.
        """
        self.path = path
        self.files = _files(path)
        self.topics: dict[str, BagTopic] = {}
        """Known after `messages` has come across them; those of a complete bag at once."""
        self.problems: list[str] = []
        """What `messages` found damaged, one line each."""
        self._decoders: dict[str, Callable[[bytes], Any]] = {}
        self._store: Typestore | None = None
        for file in self.files:
            self._read_summary(file)

    @property
    def about(self) -> dict[str, str]:
        """custom_data of metadata.yaml; empty without one."""
        try:
            document = yaml.safe_load((self.path / "metadata.yaml").read_text())
            return dict(document["rosbag2_bagfile_information"]["custom_data"] or {})
        except (OSError, yaml.YAMLError, KeyError, TypeError):
            return {}

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

    def recorded(self) -> dict[str, Any]:
        """What the project's recorder wrote down about the bag; empty of another's bag."""
        return dict(json.loads(self.about.get("dactyl", "{}")))

    def messages(self, topics: Collection[str] | None = None) -> Iterator[Recorded]:
        """Every message that can be read, in the order of recording; of these topics, or of all.

        What is damaged is left out and named in `problems` afterwards.
        """
        self.problems = []
        for file in self.files:
            yield from self._messages_of(file, topics)

    def decoded(self, topics: Collection[str]) -> Iterator[tuple[Recorded, Any]]:
        """Messages of these topics with their fields; one that cannot be decoded counts as a problem."""
        undecoded = Counter[str]()
        for message in self.messages(topics):
            try:
                fields = self.decode(message)
            except DactylError:  # noqa: PERF203
                undecoded[message.topic] += 1
            else:
                yield message, fields
        self.problems += [f"{count} messages of {topic} cannot be decoded" for topic, count in undecoded.items()]

    def decode(self, message: Recorded) -> Any:
        """A message's fields, under the names of its definition.

        Raises:
            DactylError: the definition in the bag does not fit the message.
        """
        kind = self.topics[message.topic]
        try:
            if kind.type not in self._decoders:
                self._decoders[kind.type] = self._decoder(kind)
            return self._decoders[kind.type](message.data)
        except Exception as error:  # rosbags raises what its generated code happens to
            raise DactylError(f"{self.path}: a message of {message.topic} cannot be decoded: {error}") from error

    def _decoder(self, kind: BagTopic) -> Callable[[bytes], Any]:
        store = self._store = self._store or get_typestore(Stores.EMPTY)
        known = store.fielddefs
        types = get_types_from_msg(kind.definition, kind.type)
        store.register({name: fields for name, fields in types.items() if name not in known})
        return lambda data: store.deserialize_cdr(data, kind.type)

    def _messages_of(self, path: Path, topics: Collection[str] | None) -> Iterator[Recorded]:
        schemas: dict[int, Schema] = {}
        channels = self._read_summary(path)
        unknown = Counter[int]()
        with path.open("rb") as stream:
            reader = StreamReader(stream, emit_chunks=True, record_size_limit=_RECORD_LIMIT)
            try:
                for record in reader.records:
                    for item in self._contents(record, path):
                        if isinstance(item, Schema):
                            schemas[item.id] = item
                        elif isinstance(item, Channel) and item.schema_id in schemas:
                            channels[item.id] = item.topic
                            self.topics.setdefault(item.topic, _topic(item, schemas[item.schema_id]))
                        elif isinstance(item, Message):
                            topic = channels.get(item.channel_id)
                            if topic is None:
                                unknown[item.channel_id] += 1
                            elif topics is None or topic in topics:
                                yield Recorded(topic, item.log_time, item.publish_time, item.sequence, item.data)
            except _DAMAGE as error:
                where = f"after {stream.tell() / 1e6:.1f} MB of {path.stat().st_size / 1e6:.1f}"
                self.problems.append(f"{path.name} ends or is damaged {where} ({type(error).__name__})")
        if unknown:
            self.problems.append(f"{path.name}: {sum(unknown.values())} messages of unknown topics")

    def _contents(self, record: Any, path: Path) -> Collection[Any]:
        if not isinstance(record, Chunk):
            return (record,)
        try:
            return breakup_chunk(record, validate_crc=True)
        except _DAMAGE as error:
            seconds = (record.message_end_time - record.message_start_time) * 1e-9
            self.problems.append(
                f"{path.name}: a chunk of {record.uncompressed_size / 1e6:.1f} MB, {seconds:.1f} s long, "
                f"is damaged ({type(error).__name__})"
            )
            return ()

    def _read_summary(self, path: Path) -> dict[int, str]:
        """Topics by channel from the end of a complete file; nothing from one that has no end."""
        with path.open("rb") as stream:
            try:
                summary = SeekingReader(stream, record_size_limit=_RECORD_LIMIT).get_summary()
            except _DAMAGE:
                return {}
        if summary is None:
            return {}
        for channel in summary.channels.values():
            if channel.schema_id in summary.schemas:
                self.topics.setdefault(channel.topic, _topic(channel, summary.schemas[channel.schema_id]))
        return {id: channel.topic for id, channel in summary.channels.items()}


def nanoseconds(stamp: Any) -> int:
    """A decoded builtin_interfaces/Time as one number."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def _topic(channel: Channel, schema: Schema) -> BagTopic:
    metadata = channel.metadata
    definition = schema.data.decode(errors="replace")
    return BagTopic(
        schema.name, definition, metadata.get("topic_type_hash", ""), metadata.get("offered_qos_profiles", "")
    )


def _files(path: Path) -> list[Path]:
    if path.is_file():
        files = [path]
    elif path.is_dir():
        files = sorted(path.glob("*.mcap"), key=lambda file: (len(file.name), file.name))
        if not files:
            other = "; sqlite3 bags are not read here: `ros2 bag convert` makes MCAP of them"
            raise DactylError(f"{path} has no .mcap files{other if list(path.glob('*.db3')) else ''}")
    else:
        raise DactylError(f"there is no bag {path}")
    with files[0].open("rb") as stream:
        if (start := stream.read(8)) != b"\x89MCAP0\r\n":
            what = "is empty" if not start else "is no MCAP file"
            raise DactylError(f"{files[0]} {what}")
    return files
