"""Which files a bag consists of."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import zstandard

from dactyl.errors import DactylError
from dactyl.recording.reading import Bag
from tests.recording.bags import write_bag
from tests.recording.mcap_files import SECOND, body, metadata, write_mcap


def numbers(path: Path) -> list[int]:
    bag = Bag(path)
    found = [message.sequence for message in bag.messages()]
    assert not bag.problems
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bag of two files of 10 messages, with its metadata."""
    for part in range(2):
        write_mcap(
            tmp_path / "b" / f"b_{part}.mcap", 10, clock=lambda i, part=part: (10 * part + i) * SECOND,
            data=lambda i, part=part: body(10 * part + i), chunk_size=300,
        )  # fmt: skip
    metadata(tmp_path / "b", relative_file_paths=["b_0.mcap", "b_1.mcap"])
    return tmp_path / "b"


def test_copies_and_files_of_other_systems_are_no_part_of_a_bag(folder: Path) -> None:
    """Protects counts from doubling: metadata.yaml says which files belong, and numbers do without it."""
    for name in ("b_0_backup.mcap", "b_0 (1).mcap", "copy.mcap"):
        shutil.copy(folder / "b_0.mcap", folder / name)
    (folder / "._b_0.mcap").write_bytes(b"\x00\x05\x16\x07" + bytes(4092))
    (folder / ".hidden.mcap").write_bytes(b"")
    assert len(numbers(folder)) == 20
    assert Bag(folder).notes == ["not of this bag: b_0 (1).mcap, b_0_backup.mcap, copy.mcap"]
    (folder / "metadata.yaml").unlink()
    assert len(numbers(folder)) == 20


def test_older_metadata_names_files_with_their_folder(folder: Path) -> None:
    """Protects bags from before version 4, and those of a folder that has another name now."""
    metadata(folder, version=3, relative_file_paths=["old_name/b_0.mcap", "old_name/b_1.mcap"])
    assert len(numbers(folder)) == 20


def test_what_was_recorded_after_the_metadata_is_read(folder: Path) -> None:
    """Protects the last file of a recording that was killed: it goes on from the numbers that metadata.yaml has."""
    metadata(folder, relative_file_paths=["b_0.mcap"])
    assert len(numbers(folder)) == 20


def test_a_file_that_is_not_there_is_damage(folder: Path) -> None:
    """Protects from taking a part for the whole."""
    (folder / "b_0.mcap").unlink()
    bag = Bag(folder)
    assert sum(1 for _ in bag.messages()) == 10
    assert bag.problems == ["b_0.mcap, which metadata.yaml names, is not there"]


@pytest.mark.parametrize("content", [b"", b"hello, this is text"])
def test_one_empty_or_strange_file_does_not_refuse_the_others(folder: Path, content: bytes) -> None:
    """Protects a bag whose first file was lost with the power."""
    (folder / "b_0.mcap").write_bytes(content)
    bag = Bag(folder)
    assert sum(1 for _ in bag.messages()) == 10
    assert bag.problems == [f"b_0.mcap {'is no MCAP file' if content else 'is empty'}"]
    (folder / "b_1.mcap").write_bytes(b"")
    with pytest.raises(DactylError, match=r"/b_1\.mcap is empty"):
        Bag(folder)


def test_files_that_are_compressed_as_a_whole_are_read(folder: Path) -> None:
    """Protects `ros2 bag record --compression-mode file`, also where the last file was not compressed yet."""
    packer, raw = zstandard.ZstdCompressor().compressobj(), (folder / "b_0.mcap").read_bytes()
    blocks = [packer.compress(raw[i : i + 500]) + packer.flush(1) for i in range(0, len(raw), 500)]
    packed = b"".join([*blocks, packer.flush()])
    (folder / "b_0.mcap").unlink()
    (folder / "b_0.mcap.zstd").write_bytes(packed)
    names = ["b_0.mcap.zstd", "b_1.mcap.zstd"]
    metadata(folder, compression_format="zstd", compression_mode="FILE", relative_file_paths=names)
    assert len(numbers(folder)) == 20
    for damaged in (packed[: len(packed) - 300], packed[:-300] + bytes(300)):
        (folder / "b_0.mcap.zstd").write_bytes(damaged)
        bag = Bag(folder)
        assert 10 < sum(1 for _ in bag.messages()) <= 20
        assert bag.problems[0].startswith("b_0.mcap.zstd ")
    (folder / "b_0.mcap.zstd").write_bytes(packed[:20])
    bag = Bag(folder)
    assert sum(1 for _ in bag.messages()) == 10
    assert bag.problems == ["b_0.mcap.zstd holds nothing that can be unpacked"]


def test_messages_that_are_compressed_one_by_one_are_read(tmp_path: Path) -> None:
    """Protects `ros2 bag record --compression-mode message`; a damaged message costs itself alone, and is counted."""
    packed = [zstandard.compress(body(i)) for i in range(30)]
    packed[7] = packed[7][:-20] + bytes(20)
    write_mcap(tmp_path / "b" / "b_0.mcap", 30, data=lambda i: packed[i])
    metadata(tmp_path / "b", compression_format="zstd", compression_mode="MESSAGE", relative_file_paths=["b_0.mcap"])
    for path in (tmp_path / "b", tmp_path / "b" / "b_0.mcap"):
        bag = Bag(path)
        found = {message.sequence: message.data for message in bag.messages()}
        assert found == {i: body(i) for i in range(30) if i != 7}
        assert bag.problems == ["b_0.mcap has 1 messages of /text that are damaged (they cannot be unpacked)"]
        assert bag.decode(next(bag.messages())).data.startswith("message 0000")


@pytest.mark.parametrize(
    ("information", "message"),
    [
        ({"storage_identifier": "sqlite3"}, "is a sqlite3 bag, which is not read here: `ros2 bag convert`"),
        ({"compression_mode": "MESSAGE", "compression_format": "bz2"}, r"is compressed \(message, bz2\), which is not"),
        ({"compression_mode": "STREAM", "compression_format": "zstd"}, r"is compressed \(stream, zstd\), which is not"),
    ],
)
def test_what_is_not_read_is_refused_with_the_reason(folder: Path, information: dict[str, str], message: str) -> None:
    """Protects from messages that are taken for something else than they are."""
    metadata(folder, relative_file_paths=["b_0.mcap"], **information)
    with pytest.raises(DactylError, match=message):
        Bag(folder)


@pytest.mark.parametrize(
    ("content", "about", "note"),
    [
        (b"rosbag2_bagfile_information:\n  custom_data: a text\n", {"custom_data": "a text"}, None),
        (b"rosbag2_bagfile_information:\n  custom_data: {a: 1}\n", {"a": "1"}, None),
        (b"rosbag2_bagfile_information:\n  custom_data: [1]\n", {"custom_data": "[1]"}, None),
        (b"rosbag2_bagfile_information:\n  custom_data: {who: J\xf6rg}\n", {"who": "J\ufffdrg"}, "is not UTF-8"),
        (b"rosbag2_bagfile_information: [", {}, "is not YAML"),
        (b"rosbag2_bagfile_information: 5", {}, "has no rosbag2_bagfile_information"),
        (b"", {}, "has no rosbag2_bagfile_information"),
        (b"rosbag2_bagfile_information: {relative_file_paths: 5}", {}, None),
        (b"rosbag2_bagfile_information: {relative_file_paths: [1, null, {}]}", {}, None),
    ],
)
def test_odd_metadata_refuses_no_bag(folder: Path, content: bytes, about: dict[str, str], note: str | None) -> None:
    """Protects the recording from what was written beside it."""
    (folder / "metadata.yaml").write_bytes(content)
    bag = Bag(folder)
    assert sum(1 for _ in bag.messages()) == 20
    assert bag.about == about
    assert bag.lost == {}
    assert (note in bag.notes[0]) if note else not bag.notes


@pytest.mark.parametrize("said", ["{", "[]", '{"lost": 3}', '{"lost": {"/a": "x"}}', "{}"])
def test_what_is_said_of_lost_messages_may_be_garbled(tmp_path: Path, said: str) -> None:
    """Protects `bag info` from another program's custom_data."""
    writer = write_bag(tmp_path / "b", 3)
    writer.about["dactyl"] = said
    writer.close()
    assert Bag(tmp_path / "b").lost == {}
