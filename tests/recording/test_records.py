"""MCAP files of other programs: every compression, and damage anywhere."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import pytest

from dactyl.recording.reading import Bag, Recorded
from dactyl.recording.records import RecordReader
from tests.recording.mcap_files import LZ4, NONE, ZSTD, body, chunks, hurt, write_mcap


def sequences(path: Path) -> tuple[list[int], list[str]]:
    """Numbers of the messages that can be read, which must be whole, and what is said to be damaged."""
    bag = Bag(path)
    found = list(bag.messages())
    assert all(message.data == body(message.sequence) for message in found)
    return [message.sequence for message in found], bag.problems


WAYS: list[dict[str, Any]] = [
    {"compression": compression, "use_chunking": chunking, "enable_crcs": checked}
    for compression in (ZSTD, LZ4, NONE)
    for chunking in (True, False)
    for checked in (True, False)
]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_whole_files_are_read_whole(tmp_path: Path, way: dict[str, Any]) -> None:
    """Protects what other recorders write: any compression, with chunks and without, with checksums and without."""
    assert sequences(write_mcap(tmp_path / "a.mcap", **way)) == (list(range(200)), [])


@pytest.mark.parametrize(
    "options",
    [
        {"repeat_channels": False, "repeat_schemas": False},
        {"use_statistics": False, "use_summary_offsets": False},
        {"enable_data_crcs": True},
    ],
    ids=str,
)
def test_a_summary_may_lack_what_is_optional(tmp_path: Path, options: dict[str, Any]) -> None:
    """Protects files of writers that repeat nothing at the end."""
    assert sequences(write_mcap(tmp_path / "a.mcap", **options)) == (list(range(200)), [])


@pytest.mark.parametrize("compression", [ZSTD, LZ4, NONE])
@pytest.mark.parametrize("finish", [True, False], ids=["finished", "unfinished"])
@pytest.mark.parametrize("which", [0, 3, -1])
def test_a_damaged_chunk_costs_itself_alone(tmp_path: Path, compression: Any, finish: bool, which: int) -> None:
    """Protects the rest of a recording; of the first chunk, which names the topic, that name."""
    path = write_mcap(tmp_path / "a.mcap", compression=compression, finish=finish)
    whole, _ = sequences(path)
    start, length = chunks(path.read_bytes())[which]
    hurt(path, start + length - 20)
    found, problems = sequences(path)
    assert 0 < len(set(whole) - set(found)) <= 30
    assert sum("a chunk of" in problem for problem in problems) == 1
    unknown = any("unknown topics" in problem for problem in problems)
    assert unknown <= (which == 0 and not finish)
    assert len(problems) == (1 if finish else 2) + unknown


@pytest.mark.parametrize("compression", [ZSTD, NONE])
@pytest.mark.parametrize("offset", [0, 1, 7])
def test_a_record_whose_length_is_damaged_is_passed_by(tmp_path: Path, compression: Any, offset: int) -> None:
    """Protects from a bad sector at a record's head: the next record is found again."""
    path = write_mcap(tmp_path / "a.mcap", compression=compression)
    start, _ = chunks(path.read_bytes())[2]
    hurt(path, start + offset, 4)
    found, problems = sequences(path)
    assert len(found) >= 170
    assert found == sorted(set(found))
    assert problems


def test_zeros_in_the_middle_are_passed_by(tmp_path: Path) -> None:
    """Protects from a block that a file system has lost."""
    path = write_mcap(tmp_path / "a.mcap")
    raw = bytearray(path.read_bytes())
    raw[5000:9000] = bytes(4000)
    path.write_bytes(raw)
    found, problems = sequences(path)
    assert len(found) >= 120
    assert found[-1] == 199
    assert any("are damaged" in problem or "a chunk" in problem for problem in problems)


def test_a_file_cut_off_anywhere_gives_what_is_whole(tmp_path: Path) -> None:
    """Protects copies that ended early: whole messages only, and it is said."""
    path = write_mcap(tmp_path / "a.mcap", use_chunking=False)
    raw = path.read_bytes()
    for length in range(1000, len(raw), 997):
        path.write_bytes(raw[:length])
        found, problems = sequences(path)
        assert found == list(range(len(found)))
        assert problems


def test_a_flipped_bit_without_chunks_is_seen_where_there_is_a_checksum(tmp_path: Path) -> None:
    """Protects from taking a damaged file for whole."""
    path = write_mcap(tmp_path / "a.mcap", use_chunking=False, enable_data_crcs=True)
    hurt(path, 5000, 1)
    bag = Bag(path)
    list(bag.messages())
    assert bag.problems == ["a.mcap: something in it is damaged: the checksum of its data is wrong"]


def test_a_damaged_summary_is_said_and_does_no_harm(tmp_path: Path) -> None:
    """Protects from names out of a damaged index."""
    path = write_mcap(tmp_path / "a.mcap")
    hurt(path, path.stat().st_size - 200)
    assert sequences(path) == (list(range(200)), ["a.mcap has no whole summary at its end"])


def test_messages_whose_topic_is_lost_are_kept_under_a_number(tmp_path: Path) -> None:
    """Protects the data of a recording that does not say any more what it is."""
    path = write_mcap(tmp_path / "a.mcap", finish=False)
    start, _ = chunks(path.read_bytes())[0]
    hurt(path, start + 9, 400)
    bag = Bag(path)
    found = list(bag.messages())
    assert len(found) > 100
    assert {message.topic for message in found} == {"/unknown/channel_1"}
    assert any("messages of unknown topics" in problem for problem in bag.problems)


def test_sizes_that_cannot_be_are_refused_without_filling_memory(tmp_path: Path) -> None:
    """Protects the machine from a damaged length, or from a file that was made to fill it."""
    path = write_mcap(tmp_path / "a.mcap")
    start, _ = chunks(path.read_bytes())[1]
    raw = bytearray(path.read_bytes())
    struct.pack_into("<Q", raw, start + 9 + 16, 2**50)  # the chunk's size when it is unpacked
    path.write_bytes(raw)
    found, problems = sequences(path)
    assert len(found) >= 170
    assert len(problems) == 1


def test_a_bad_sector_is_damage_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects from an I/O error's traceback: what lies around it is read."""
    path = write_mcap(tmp_path / "a.mcap")
    start, _ = chunks(path.read_bytes())[1]
    pread = os.pread

    def failing(handle: int, count: int, place: int) -> bytes:
        if place <= start + 30 < place + count and count < 2**20:
            raise OSError(5, "Input/output error")
        return pread(handle, count, place)

    with path.open("rb") as stream:
        reader = RecordReader(stream.fileno(), path.stat().st_size)
        monkeypatch.setattr(os, "pread", failing)
        count = sum(1 for record in reader.records() if hasattr(record, "channel_id"))
    assert count >= 170
    assert "cannot be read: Input/output error" in reader.problems[0]


def test_recorded_messages_say_how_they_are_written(tmp_path: Path) -> None:
    """Protects `recover`: encodings are a message's own, not the bag's."""
    path = write_mcap(tmp_path / "a.mcap", schema=("Note", "jsonschema", b"{}"), encoding="json", data=lambda i: b"{}")
    (message, *_) = Bag(path).messages()
    assert isinstance(message, Recorded)
    assert message.kind is not None
    assert (message.kind.type, message.kind.encoding, message.kind.schema_encoding) == ("Note", "json", "jsonschema")
