"""Bags for tests, without ROS."""

from __future__ import annotations

from pathlib import Path

from dactyl.recording.bag import BagWriter, Qos, Topic

TEXT = Topic("/text", "std_msgs/msg/String", "string data\n", "RIHS01_" + "0" * 64, (Qos("reliable", "volatile"),))
POINT = Topic(
    "/point", "geometry_msgs/msg/Point", "float64 x\nfloat64 y\nfloat64 z\n", "RIHS01_" + "1" * 64,
    (Qos("best_effort", "transient_local"),),
)  # fmt: skip


def text(word: str) -> bytes:
    """A std_msgs/String in CDR."""
    content = word.encode() + b"\0"
    return b"\x00\x01\x00\x00" + len(content).to_bytes(4, "little") + content


def write_bag(folder: Path, messages: int, flush_every: int = 0, split_bytes: int = 0) -> BagWriter:
    """A bag, not closed, with so many texts "message 0000 …" of 1 kB that do not compress, one every ms."""
    import random

    source = random.Random(0)
    writer = BagWriter(folder, split_bytes)
    writer.add_topic(TEXT)
    for i in range(messages):
        word = f"message {i:04d} {source.randbytes(500).hex()}"
        writer.write(
            "/text", text(word), received_ns=10**9 + i * 10**6, sent_ns=10**9 + i * 10**6 - 1000, sequence=i + 1
        )
        if flush_every and (i + 1) % flush_every == 0:
            writer.flush()
    return writer
