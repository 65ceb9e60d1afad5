"""MCAP files as other programs write them, and the damage that befalls them."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mcap.writer import CompressionType, Writer

from tests.recording.bags import text

SECOND = 10**9
STRING = ("std_msgs/msg/String", "ros2msg", b"string data\n")
LZ4, NONE, ZSTD = CompressionType.LZ4, CompressionType.NONE, CompressionType.ZSTD


def body(i: int) -> bytes:
    """A std_msgs/String of about 120 bytes that does not compress to nothing."""
    return text(f"message {i:04d} {random.Random(i).randbytes(50).hex()}")


def write_mcap(
    path: Path,
    messages: int = 200,
    schema: tuple[str, str, bytes] | None = STRING,
    encoding: str = "cdr",
    topic: str = "/text",
    data: Callable[[int], bytes] = body,
    clock: Callable[[int], int] = lambda i: 1_700_000_000 * SECOND + i * SECOND // 100,
    finish: bool = True,
    profile: str = "ros2",
    extra: Callable[[Writer], None] = lambda writer: None,
    **options: Any,
) -> Path:
    """A file with chunks of about 20 messages on one topic."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        writer = Writer(stream, **{"chunk_size": 2800, **options})
        writer.start(profile=profile, library="test")
        number = writer.register_schema(*schema) if schema else 0
        channel = writer.register_channel(topic, encoding, number, {"offered_qos_profiles": "", "note": "kept"})
        for i in range(messages):
            writer.add_message(channel, clock(i), data(i), clock(i), i)
        extra(writer)
        if finish:
            writer.finish()
    return path


def chunks(raw: bytes) -> list[tuple[int, int]]:
    """Start and whole length of each chunk record."""
    place, found = 8, []
    while place + 9 <= len(raw) and raw[place]:
        (length,) = struct.unpack_from("<Q", raw, place + 1)
        if raw[place] == 6:
            found.append((place, 9 + length))
        place += 9 + length
    return found


def hurt(path: Path, start: int, length: int = 8) -> None:
    """Turn over the bits of some bytes."""
    raw = bytearray(path.read_bytes())
    raw[start : start + length] = bytes(byte ^ 0x5A for byte in raw[start : start + length])
    path.write_bytes(raw)


def metadata(folder: Path, **information: Any) -> None:
    """A metadata.yaml with what readers ask for."""
    import yaml

    document = {
        "version": 9, "storage_identifier": "mcap", "duration": {"nanoseconds": 0}, "message_count": 0,
        "starting_time": {"nanoseconds_since_epoch": 0}, "topics_with_message_count": [], "compression_format": "",
        "compression_mode": "", "relative_file_paths": [], "files": [], "custom_data": None, **information,
    }  # fmt: skip
    (folder / "metadata.yaml").write_text(yaml.safe_dump({"rosbag2_bagfile_information": document}))
