"""Writes rosbag2 bags: MCAP files with zstd-compressed chunks and a metadata.yaml, as ROS 2 Jazzy's own recorder does.

Whatever has been flushed survives the end of the process, however it ends: chunks are complete in themselves, so a file
without its index can still be read from the front (`reading`).
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import yaml
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


@dataclass
class _File:
    """One MCAP file of a bag."""

    path: Path
    stream: BinaryIO
    writer: Writer
    channels: dict[str, int] = field(default_factory=dict)
    schemas: dict[str, int] = field(default_factory=dict)
    messages: int = 0
    written: int = 0
    """Bytes of messages, before compression, since the last look at the disk."""
    start_ns: int = 2**63 - 1
    end_ns: int = 0


class BagWriter:
    """Writes one bag, a folder; a file is closed and the next begun when it has `split_bytes`."""

    def __init__(self, folder: Path, split_bytes: int = 0, about: Mapping[str, str] | None = None) -> None:
        """
        Args:
            folder: to make; must not exist.
            split_bytes: size of a file, compressed; 0: one file.
            about: for custom_data in metadata.yaml.

        Raises:
            DactylError: the folder exists or cannot be made.
        """
        self.folder, self.split_bytes = folder, split_bytes
        self.about = dict(about or {})
        self.topics: dict[str, Topic] = {}
        self.counts = Counter[str]()
        self._files: list[_File] = []
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            raise DactylError(f"{folder} exists: a bag is not overwritten") from None
        except OSError as error:
            raise DactylError(f"cannot make the bag {folder}: {error.strerror}") from error
        self._open_file()

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(file.stream.tell() if not file.stream.closed else file.path.stat().st_size for file in self._files)

    def add_topic(self, topic: Topic) -> None:
        """Declare a topic before its first message; again when its publishers' QoS has become known."""
        self.topics[topic.name] = topic

    def write(self, topic: str, data: bytes, received_ns: int, sent_ns: int, sequence: int = 0) -> None:
        """Add one serialised (CDR) message.

        Raises:
            DactylError: the disk is full or cannot be written.
        """
        file = self._files[-1]
        try:
            channel = file.channels.get(topic) or self._add_channel(file, self.topics[topic])
            file.writer.add_message(channel, received_ns, data, sent_ns, sequence & 0xFFFFFFFF)
            file.written += len(data)
            file.messages += 1
            file.start_ns, file.end_ns = min(file.start_ns, received_ns), max(file.end_ns, received_ns)
            self.counts[topic] += 1
            if self.split_bytes and file.stream.tell() >= self.split_bytes:
                self._close_file(file)
                self._open_file()
        except OSError as error:
            raise DactylError(f"cannot write the bag {self.folder}: {error.strerror}") from error

    def flush(self) -> None:
        """Hand what was written so far to the operating system, with the metadata: it survives a kill.

        Raises:
            DactylError: the disk is full or cannot be written, or would be full before the next flush.
        """
        file = self._files[-1]
        try:
            file.writer.flush()
            self._write_metadata()
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            raise DactylError(f"cannot write the bag {self.folder}: {error.strerror}") from error
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
        try:
            self._close_file(self._files[-1])
            self._write_metadata()
        except OSError as error:
            raise DactylError(f"cannot write the bag {self.folder}: {error.strerror}") from error

    def _open_file(self) -> None:
        path = self.folder / f"{self.folder.name}_{len(self._files)}.mcap"
        stream = path.open("wb")
        writer = Writer(stream, chunk_size=CHUNK_BYTES, compression=CompressionType.ZSTD)
        writer.start(profile="ros2", library=f"dactyl {__version__}")
        self._files.append(_File(path, stream, writer))

    def _add_channel(self, file: _File, topic: Topic) -> int:
        if topic.type not in file.schemas:
            file.schemas[topic.type] = file.writer.register_schema(topic.type, "ros2msg", topic.definition.encode())
        metadata = {
            "offered_qos_profiles": _as_yaml([qos.as_dict() for qos in topic.qos]),
            "topic_type_hash": topic.type_hash,
        }
        channel = file.writer.register_channel(topic.name, "cdr", file.schemas[topic.type], metadata)
        file.channels[topic.name] = channel
        return channel

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
                            "serialization_format": "cdr",
                            "offered_qos_profiles": [qos.as_dict() for qos in topic.qos],
                            "type_description_hash": topic.type_hash,
                        },
                        "message_count": self.counts[topic.name],
                    }
                    for topic in self.topics.values()
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
