"""Writes rosbag2 bags: MCAP files with zstd-compressed chunks and a metadata.yaml, as ROS 2 Jazzy's own recorder does.

Whatever has been flushed survives the end of the process, however it ends: chunks are complete in themselves, so a file
without its index can still be read from the front (`reading`).
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import yaml
from mcap.data_stream import RecordBuilder
from mcap.records import Attachment, Channel, Schema
from mcap.writer import CompressionType, Writer

from dactyl import __version__
from dactyl.errors import DactylError
from dactyl.storage.files import write_atomically

CHUNK_BYTES = 4 * 2**20
RESERVE_BYTES = 512 * 2**20
"""What stays free on the disk: recording ends before it is taken."""
METADATA_VERSION = 9
_FOREVER = {"sec": 9223372036, "nsec": 854775807}


@dataclass(frozen=True)
class Qos:
    """Quality of service that a publisher offers, in rosbag2's words."""

    reliability: str = "reliable"
    """reliable or best_effort"""
    durability: str = "volatile"
    """volatile or transient_local"""
    history: str = "keep_last"
    depth: int = 1

    def as_dict(self) -> dict[str, Any]:
        """As rosbag2's metadata has it."""
        return {
            "history": self.history, "depth": self.depth, "reliability": self.reliability,
            "durability": self.durability, "deadline": dict(_FOREVER), "lifespan": dict(_FOREVER),
            "liveliness": "automatic", "liveliness_lease_duration": dict(_FOREVER),
            "avoid_ros_namespace_conventions": False,
        }  # fmt: skip

    @classmethod
    def read(cls, text: str) -> tuple[Qos, ...]:
        """Those of a channel's `offered_qos_profiles`, which has numbers for words before ROS 2 Jazzy."""
        try:
            found = []
            for profile in yaml.safe_load(text) or ():
                reliability, durability, history = (_word(key, profile[key]) for key in _WORDS)
                found.append(cls(reliability, durability, history, int(profile.get("depth", 1))))
            return tuple(found)
        except (yaml.YAMLError, LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
            return ()


_WORDS = {
    "reliability": ("system_default", "reliable", "best_effort", "unknown", "best_available"),
    "durability": ("system_default", "transient_local", "volatile", "unknown", "best_available"),
    "history": ("system_default", "keep_last", "keep_all", "unknown"),
}


def _word(key: str, value: object) -> str:
    """A policy's name from its name or its number in rmw."""
    word = _WORDS[key][value] if isinstance(value, int) else str(value)
    if word not in _WORDS[key]:
        raise ValueError(word)
    return word


@dataclass(frozen=True)
class Topic:
    """What is recorded of one topic."""

    name: str
    type: str
    """Such as sensor_msgs/msg/Image."""
    definition: str
    """Text of the message definition, see `definitions`."""
    type_hash: str = ""
    """RIHS01_…"""
    qos: tuple[Qos, ...] = ()
    """Of each publisher."""
    encoding: str = "cdr"
    """Of the messages."""
    schema_encoding: str = "ros2msg"
    """Of the definition."""
    schema: bytes | None = None
    """The definition where it is no text; None: `definition`."""
    metadata: tuple[tuple[str, str], ...] | None = None
    """Of the channel; None: QoS and hash, as rosbag2 has it."""


@dataclass
class _File:
    """One MCAP file of a bag."""

    path: Path
    stream: BinaryIO
    writer: Writer
    channels: dict[str, int] = field(default_factory=dict)
    schemas: dict[tuple[str, str, bytes], int] = field(default_factory=dict)
    messages: int = 0
    written: int = 0
    """Bytes of messages, before compression, since the last look at the disk."""
    start_ns: int = 2**63 - 1
    end_ns: int = 0


class BagWriter:
    """Writes one bag, a folder; a file is closed and the next begun when it has `split_bytes`."""

    def __init__(
        self, folder: Path, split_bytes: int = 0, about: Mapping[str, str] | None = None, profile: str = "ros2"
    ) -> None:
        """
        Args:
            folder: to make; must not exist.
            split_bytes: size of a file, compressed; 0: one file.
            about: for custom_data in metadata.yaml.
            profile: what every topic is; empty where they are of several kinds.

        Raises:
            DactylError: the folder exists or cannot be made.
        """
        self.folder, self.split_bytes, self.profile = folder, split_bytes, profile
        self.about = dict(about or {})
        self.topics: dict[str, Topic] = {}
        self.counts = Counter[str]()
        self._files: list[_File] = []
        try:
            folder.mkdir(parents=True)
            self._open_file()
        except FileExistsError:
            raise DactylError(f"{folder} exists: a bag is not overwritten") from None
        except OSError as error:
            raise DactylError(f"cannot make the bag {folder}: {error.strerror}") from error

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(file.stream.tell() if not file.stream.closed else file.path.stat().st_size for file in self._files)

    def add_topic(self, topic: Topic, key: str = "") -> None:
        """Declare a topic before its first message; again when its publishers' QoS has become known.

        Args:
            topic: to be recorded.
            key: for `write`, where several topics have one name; its name by default.
        """
        self.topics[key or topic.name] = topic

    def add_attachment(self, attachment: Attachment) -> None:
        """Add a file that another bag had attached.

        Raises:
            DactylError: the disk is full or cannot be written.
        """
        with self._writing():
            a = attachment
            self._files[-1].writer.add_attachment(a.create_time, a.log_time, a.name, a.media_type, a.data)

    def add_metadata(self, name: str, values: Mapping[str, str]) -> None:
        """Add a metadata record.

        Raises:
            DactylError: the disk is full or cannot be written.
        """
        with self._writing():
            self._files[-1].writer.add_metadata(name, dict(values))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DactylError(f"cannot write the bag {self.folder}: {error.strerror}") from error

    def write(self, topic: str, data: bytes, received_ns: int, sent_ns: int, sequence: int = 0) -> None:
        """Add one serialised (CDR) message.

        Raises:
            DactylError: the disk is full or cannot be written.
        """
        file = self._files[-1]
        with self._writing():
            channel = file.channels.get(topic) or self._add_channel(file, topic)
            file.writer.add_message(channel, received_ns, data, sent_ns, sequence & 0xFFFFFFFF)
            file.written += len(data)
            file.messages += 1
            file.start_ns, file.end_ns = min(file.start_ns, received_ns), max(file.end_ns, received_ns)
            self.counts[topic] += 1
            if self.split_bytes and file.stream.tell() >= self.split_bytes:
                self._close_file(file)
                self._open_file()

    def flush(self) -> None:
        """Hand what was written so far to the operating system, with the metadata: it survives a kill.

        Raises:
            DactylError: the disk is full or cannot be written, or would be full before the next flush.
        """
        file = self._files[-1]
        with self._writing():
            file.writer.flush()
            file.stream.flush()
            self._write_metadata()
            free = shutil.disk_usage(self.folder).free
        if free < RESERVE_BYTES + 2 * file.written:
            raise DactylError(
                f"the disk of {self.folder} is nearly full ({free / 1e6:.0f} MB free): recording stops here, "
                f"with {self.size / 1e6:.0f} MB recorded"
            )
        file.written = 0

    def close(self) -> None:
        """Write indexes and metadata.

        Raises:
            DactylError: the disk is full or cannot be written.
        """
        with self._writing():
            self._close_file(self._files[-1])
            self._write_metadata()

    def _open_file(self) -> None:
        path = self.folder / f"{self.folder.name}_{len(self._files)}.mcap"
        stream = path.open("wb")
        writer = Writer(stream, chunk_size=CHUNK_BYTES, compression=CompressionType.ZSTD)
        writer.start(profile=self.profile, library=f"dactyl {__version__}")
        self._files.append(_File(path, stream, writer))

    def _add_channel(self, file: _File, key: str) -> int:
        topic = self.topics[key]
        schema = topic.definition.encode() if topic.schema is None else topic.schema
        described = (topic.type, topic.schema_encoding, schema)
        if described not in file.schemas:
            none = not topic.type and not topic.schema_encoding
            file.schemas[described] = 0 if none else file.writer.register_schema(*described)
            self._repeat(file, Schema(file.schemas[described], schema, topic.schema_encoding, topic.type))
        metadata = dict(topic.metadata) if topic.metadata is not None else {
            "offered_qos_profiles": _as_yaml([qos.as_dict() for qos in topic.qos]),
            "topic_type_hash": topic.type_hash,
        }  # fmt: skip
        number = file.writer.register_channel(topic.name, topic.encoding, file.schemas[described], metadata)
        self._repeat(file, Channel(number, topic.name, topic.encoding, metadata, file.schemas[described]))
        file.channels[key] = number
        return number

    def _repeat(self, file: _File, record: Schema | Channel) -> None:
        """Write a record outside of chunks too: what a topic is must not be lost with one chunk."""
        if isinstance(record, Schema) and record.id == 0:
            return
        builder = RecordBuilder()
        record.write(builder)
        file.stream.write(builder.end())

    def _close_file(self, file: _File) -> None:
        if file.stream.closed:
            return
        try:
            document = self._metadata()["rosbag2_bagfile_information"]
            file.writer.add_metadata("rosbag2", {"serialized_metadata": _as_yaml(document)})
            file.writer.finish()
        finally:
            file.stream.close()

    def _metadata(self) -> dict[str, Any]:
        files = [file for file in self._files if file.messages] or self._files[:1]
        begun = [file for file in files if file.messages]
        start = min((file.start_ns for file in begun), default=0)
        end = max((file.end_ns for file in begun), default=0)
        return {
            "rosbag2_bagfile_information": {
                "version": METADATA_VERSION,
                "storage_identifier": "mcap",
                "duration": {"nanoseconds": end - start},
                "starting_time": {"nanoseconds_since_epoch": start},
                "message_count": sum(self.counts.values()),
                "topics_with_message_count": [
                    {
                        "topic_metadata": {
                            "name": topic.name,
                            "type": topic.type,
                            "serialization_format": topic.encoding,
                            "offered_qos_profiles": [qos.as_dict() for qos in topic.qos],
                            "type_description_hash": topic.type_hash,
                        },
                        "message_count": self.counts[key],
                    }
                    for key, topic in self.topics.items()
                ],
                "compression_format": "",  # the chunks are compressed, which is MCAP's own affair
                "compression_mode": "",
                "relative_file_paths": [file.path.name for file in files],
                "files": [
                    {
                        "path": file.path.name,
                        "starting_time": {"nanoseconds_since_epoch": file.start_ns if file.messages else 0},
                        "duration": {"nanoseconds": file.end_ns - file.start_ns if file.messages else 0},
                        "message_count": file.messages,
                    }
                    for file in files
                ],
                "custom_data": self.about or None,
                "ros_distro": "jazzy",
            }
        }

    def _write_metadata(self) -> None:
        write_atomically(self.folder / "metadata.yaml", _as_yaml(self._metadata()))


def _as_yaml(document: Any) -> str:
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False)


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Without anchors, which rosbag2's reader need not know."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def check_space(folder: Path, seconds: float, bytes_per_s: float) -> None:
    """Refuse to begin what the disk has no room for.

    Args:
        folder: of the bag to be made.
        seconds: to be recorded.
        bytes_per_s: before compression.

    Raises:
        DactylError: with what is needed and what there is.
    """
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    needed = seconds * bytes_per_s + RESERVE_BYTES
    if free < needed:
        raise DactylError(
            f"the disk of {existing} has {free / 1e9:.1f} GB free; {seconds:.0f} s of these topics need up to "
            f"{(needed - RESERVE_BYTES) / 1e9:.1f} GB and {RESERVE_BYTES / 1e9:.1f} GB stay free"
        )
