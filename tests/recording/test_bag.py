"""Bags: what is written can be read by two readers that are not ours, and what is damaged gives what is left."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from mcap.reader import make_reader
from rosbags.rosbag2 import Reader

from dactyl.errors import DactylError
from dactyl.recording import bag, repair
from dactyl.recording.reading import Bag
from tests.recording.bags import POINT, TEXT, text, write_bag


def test_two_other_readers_find_the_same_messages(tmp_path: Path) -> None:
    """Protects everybody who opens our bags with other tools."""
    writer = write_bag(tmp_path / "b", 300)
    writer.add_topic(POINT)
    writer.write("/point", b"\x00\x01\x00\x00" + bytes(24), 2 * 10**9, 2 * 10**9)
    writer.close()
    with (tmp_path / "b" / "b_0.mcap").open("rb") as stream:
        by_mcap = [
            (channel.topic, schema.name, message.log_time, message.publish_time, message.data)
            for schema, channel, message in make_reader(stream, validate_crcs=True).iter_messages()
        ]
    with Reader(tmp_path / "b") as reader:
        by_rosbags = [
            (connection.topic, connection.msgtype, ns, bytes(data)) for connection, ns, data in reader.messages()
        ]
        connections = {connection.topic: connection for connection in reader.connections}
        assert reader.ros_distro == "jazzy"
        assert reader.duration == 10**9 + 1
    ours = [(m.topic, m.received_ns, m.data) for m in Bag(tmp_path / "b").messages()]
    assert len(ours) == 301
    assert [(topic, ns, data) for topic, _, ns, _, data in by_mcap] == ours
    assert [(topic, ns, data) for topic, _, ns, data in by_rosbags] == ours
    assert connections["/point"].digest == POINT.type_hash
    assert connections["/point"].msgdef.data == POINT.definition
    (qos,) = connections["/point"].ext.offered_qos_profiles
    assert (qos.reliability.name, qos.durability.name) == ("BEST_EFFORT", "TRANSIENT_LOCAL")


def test_metadata_has_what_rosbag2_reads(tmp_path: Path) -> None:
    """Protects rosbag2's own reader, which is strict: keys and types as in a bag that ROS 2 Jazzy has written."""
    write_bag(tmp_path / "b", 3).close()
    information = yaml.safe_load((tmp_path / "b" / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    topic = information.pop("topics_with_message_count")[0]
    forever = {"sec": 9223372036, "nsec": 854775807}
    assert topic == {
        "topic_metadata": {
            "name": "/text", "type": "std_msgs/msg/String", "serialization_format": "cdr",
            "offered_qos_profiles": [{
                "history": "keep_last", "depth": 1, "reliability": "reliable", "durability": "volatile",
                "deadline": forever, "lifespan": forever, "liveliness": "automatic",
                "liveliness_lease_duration": forever, "avoid_ros_namespace_conventions": False,
            }],
            "type_description_hash": TEXT.type_hash,
        },
        "message_count": 3,
    }  # fmt: skip
    span = {"starting_time": {"nanoseconds_since_epoch": 10**9}, "duration": {"nanoseconds": 2 * 10**6}}
    assert information == {
        "version": 9, "storage_identifier": "mcap", **span, "message_count": 3, "compression_format": "",
        "compression_mode": "", "relative_file_paths": ["b_0.mcap"], "custom_data": None, "ros_distro": "jazzy",
        "files": [{"path": "b_0.mcap", **span, "message_count": 3}],
    }  # fmt: skip


def test_a_bag_is_split_by_size(tmp_path: Path) -> None:
    """Protects file systems and people that cannot take one huge file."""
    write_bag(tmp_path / "b", 300, flush_every=50, split_bytes=50_000).close()
    files = sorted((tmp_path / "b").glob("*.mcap"))
    assert len(files) > 2
    assert all(file.stat().st_size < 100_000 for file in files)
    assert [m.sequence for m in Bag(tmp_path / "b").messages()] == list(range(1, 301))
    with Reader(tmp_path / "b") as reader:
        assert reader.message_count == len(list(reader.messages())) == 300


def test_a_killed_recording_loses_only_what_was_not_flushed(tmp_path: Path) -> None:
    """Protects what was recorded from kill -9: everything up to the last flush is there, for us and for others."""
    code = (
        "import sys, time; sys.path.insert(0, '.'); from pathlib import Path\n"
        "from tests.recording.bags import write_bag\n"
        f"writer = write_bag(Path({str(tmp_path / 'b')!r}), 250, flush_every=100)\n"
        "print('written', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.kill()
    contents = repair.examine(tmp_path / "b")
    assert contents.counts == {"/text": 200}
    assert len(contents.problems) == 1
    assert "ends or is damaged" in contents.problems[0]

    assert repair.recover(tmp_path / "b", tmp_path / "r").counts == {"/text": 200}
    again = repair.examine(tmp_path / "r")
    assert (again.counts, again.problems) == ({"/text": 200}, [])
    with Reader(tmp_path / "r") as reader:
        assert reader.message_count == 200


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_truncated_bag_gives_the_whole_chunks(tmp_path: Path, share: float) -> None:
    """Protects what is left after a copy that was cut off."""
    write_bag(tmp_path / "b", 1000, flush_every=100).close()
    path = tmp_path / "b" / "b_0.mcap"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    contents = repair.examine(tmp_path / "b")
    assert 1000 * share - 150 < contents.counts["/text"] < 1000 * share + 10
    assert contents.counts["/text"] % 100 == 0
    assert contents.problems


def test_a_corrupt_chunk_costs_only_itself(tmp_path: Path) -> None:
    """Protects the rest of a bag from a bad sector, also where the first chunk, which names the topics, is hit."""
    write_bag(tmp_path / "b", 1000, flush_every=100).close()
    path = tmp_path / "b" / "b_0.mcap"
    whole = path.read_bytes()
    for position, first_left in ((20_000, 100), (300_000, 0)):
        damaged = bytearray(whole)
        damaged[position : position + 16] = bytes(16)
        path.write_bytes(damaged)
        found = Bag(path)
        sequences = [message.sequence for message in found.messages()]
        assert len(sequences) == 900
        assert sequences[0] == first_left + 1
        assert [problem for problem in found.problems if "a chunk of 0.1 MB" in problem] == found.problems
        assert len(found.problems) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "there is no bag"),
        (lambda path: path.mkdir(), "has no .mcap files"),
        (lambda path: (path.mkdir(), (path / "b.db3").touch()), "sqlite3 bags are not read here"),
        (lambda path: path.touch(), "is empty"),
        (lambda path: path.write_text("hello, this is text"), "is no MCAP file"),
    ],
)
def test_what_is_no_bag_is_said_to_be_none(tmp_path: Path, make: object, message: str) -> None:
    """Protects people from tracebacks."""
    make(tmp_path / "b")  # type: ignore[operator]
    with pytest.raises(DactylError, match=message):
        repair.examine(tmp_path / "b")


def test_a_full_disk_is_refused_before_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the recording and the machine: it is said before what is needed and what there is."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10**9))
    bag.check_space(tmp_path / "new" / "b", seconds=10, bytes_per_s=36e6)
    with pytest.raises(
        DactylError, match=r"1\.0 GB free; 60 s of these topics need up to 2\.2 GB and 0\.5 GB stay free"
    ):
        bag.check_space(tmp_path / "new" / "b", seconds=60, bytes_per_s=36e6)


def test_a_disk_that_fills_up_ends_the_recording_with_a_whole_bag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the last of the disk, and what was recorded until then."""
    writer = write_bag(tmp_path / "b", 100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=400 * 10**6))
    with pytest.raises(DactylError, match=r"nearly full \(400 MB free\): recording stops here, with 0 MB recorded"):
        writer.flush()
    writer.close()
    assert repair.examine(tmp_path / "b").problems == []


def test_a_failing_write_is_one_error_and_leaves_what_was_written(tmp_path: Path) -> None:
    """Protects against a disk that is full all the same: the file system's limit on a file's size stands for it."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
    try:
        with pytest.raises(DactylError, match="cannot write the bag"):
            write_bag(tmp_path / "b", 1000, flush_every=100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert repair.examine(tmp_path / "b").counts["/text"] >= 200


def test_a_bag_is_not_overwritten(tmp_path: Path) -> None:
    """Protects the last recording."""
    write_bag(tmp_path / "b", 1).close()
    with pytest.raises(DactylError, match="exists: a bag is not overwritten"):
        write_bag(tmp_path / "b", 1)


def test_reading_is_fast_enough(tmp_path: Path) -> None:
    """Protects reports on long bags: a minute of the graph without pictures is about 60,000 messages."""
    writer = bag.BagWriter(tmp_path / "b")
    writer.add_topic(TEXT)
    for i in range(20_000):
        writer.write("/text", text("hello"), i, i)
    writer.close()
    start = time.perf_counter()
    assert sum(1 for _ in Bag(tmp_path / "b").decoded({"/text"})) == 20_000
    assert time.perf_counter() - start < 5.0
