"""What `bag info` finds and `bag recover` writes."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
import zstandard
from mcap.reader import make_reader
from mcap.writer import Writer

from dactyl import cli
from dactyl.errors import DactylError
from dactyl.recording import repair
from dactyl.recording.bag import BagWriter, Qos
from dactyl.recording.reading import Bag
from tests.recording.bags import TEXT, text, write_bag
from tests.recording.mcap_files import SECOND, STRING, body, chunks, hurt, metadata, write_mcap

JSON_SCHEMA = ("Note", "jsonschema", b'{"type": "object"}')
IDL = ("std_msgs/msg/String", "ros2idl", b"module std_msgs { module msg { struct String { string data; }; }; };\n")
IDL_OF_ROSBAG2 = (
    "test_msgs/msg/Notes",
    "ros2idl",
    b"================================================================================\nIDL: test_msgs/msg/Notes\n"
    b'// generated\n\n#include "std_msgs/msg/String.idl"\n\n'
    b"module test_msgs { module msg { struct Notes { std_msgs::msg::String data; }; }; };\n"
    b"================================================================================\nIDL: std_msgs/msg/String\n"
    + IDL[2],
)
FOREIGN: dict[str, dict[str, Any]] = {
    "json": {"schema": JSON_SCHEMA, "encoding": "json", "data": lambda i: b'{"i": %d}' % i, "profile": ""},
    "no schema": {"schema": None, "encoding": "json", "data": lambda i: b"{}", "profile": ""},
    "protobuf": {"schema": ("a.B", "protobuf", b"\x0a\xff\x00\x80"), "encoding": "protobuf", "data": lambda i: b"\xff"},
    "idl": {"schema": IDL},
    "no definition": {"schema": ("std_msgs/msg/String", "", b"")},
    "cdr in xcdr2": {"encoding": "cdr2"},
}


def described(path: Path) -> list[Any]:
    """Everything that a reader that is not ours finds."""
    with path.open("rb") as stream:
        reader = make_reader(stream, validate_crcs=True)
        messages = []
        for schema, channel, m in reader.iter_messages():
            kind = schema and (schema.name, schema.encoding, schema.data)
            about = (channel.topic, channel.message_encoding, channel.metadata, kind)
            messages.append((*about, m.sequence, m.log_time, m.publish_time, m.data))
        attachments = [(each.name, each.media_type, each.data) for each in reader.iter_attachments()]
        records = [(each.name, each.metadata) for each in reader.iter_metadata() if each.name != "rosbag2"]
        return [messages, attachments, records, reader.get_header().profile]


def with_more(writer: Writer) -> None:
    """An attachment, a metadata record and a second channel on the same topic."""
    writer.add_attachment(1, 2, "notes.txt", "text/plain", b"hello")
    writer.add_metadata("lab", {"table": "3"})
    other = writer.register_channel("/text", "json", 0, {})
    writer.add_message(other, 2_000_000_000 * SECOND, b"{}", 3, 4)


@pytest.mark.parametrize("kind", FOREIGN)
def test_recover_changes_nothing_but_the_file(tmp_path: Path, kind: str) -> None:
    """Protects recordings that are not ROS 2's: topic, encodings and schema of every channel stay what they were."""
    path = write_mcap(tmp_path / "a.mcap", extra=with_more, **FOREIGN[kind])
    contents = repair.recover(path, tmp_path / "r")
    assert sum(contents.counts.values()) == 201
    assert contents.problems == []
    assert described(tmp_path / "r" / "r_0.mcap") == described(path)
    assert repair.examine(path).counts == repair.examine(tmp_path / "r").counts == {"/text": 201}


def test_what_is_not_ros_2_is_said_in_info(tmp_path: Path) -> None:
    """Protects from a list that says a topic is what it is not."""
    path = write_mcap(tmp_path / "a.mcap", **FOREIGN["json"])
    assert "Note (json)" in repair.examine(path).as_text()
    path = write_mcap(tmp_path / "b.mcap", **FOREIGN["no schema"])
    assert "no schema (json)" in repair.examine(path).as_text()


@pytest.mark.parametrize("schema", [STRING, IDL, ("std_msgs/msg/String", "", b"")], ids=["msg", "idl", "none"])
def test_messages_are_decoded_by_any_definition(tmp_path: Path, schema: tuple[str, str, bytes]) -> None:
    """Protects bags whose definitions are IDL, or that carry none."""
    path = write_mcap(tmp_path / "a.mcap", 3, schema=schema)
    assert [fields.data[:12] for _, fields in Bag(path).decoded({"/text"})] == [f"message {i:04d}" for i in range(3)]


def test_an_idl_definition_as_rosbag2_writes_it_is_read(tmp_path: Path) -> None:
    """Protects bags of Jazzy's own types in IDL: each part has a header, the first too, and includes the others."""
    path = write_mcap(tmp_path / "a.mcap", 3, schema=IDL_OF_ROSBAG2)
    bag = Bag(path)
    assert [fields.data.data[:12] for _, fields in bag.decoded({"/text"})] == [f"message {i:04d}" for i in range(3)]
    assert bag.problems == []


def test_messages_that_are_of_another_kind_than_their_topic_are_counted(tmp_path: Path) -> None:
    """Protects from a foreign topic that has a name of ours."""
    for schema, encoding in ((STRING, "cdr"), (("diagnostic_msgs/msg/DiagnosticArray", "jsonschema", b"{}"), "json")):
        path = write_mcap(tmp_path / "a.mcap", 5, schema=schema, topic="/diagnostics", encoding=encoding)
        bag = Bag(path)
        assert list(bag.decoded({"/diagnostics"})) == []
        assert "5 messages of /diagnostics cannot be decoded (" in bag.problems[0]


def test_compressed_messages_are_written_as_they_are_when_unpacked(tmp_path: Path) -> None:
    """Protects from a bag that says its messages are plain and holds compressed ones."""
    write_mcap(tmp_path / "b" / "b_0.mcap", 30, data=lambda i: zstandard.compress(body(i)))
    metadata(tmp_path / "b", compression_format="zstd", compression_mode="MESSAGE", relative_file_paths=["b_0.mcap"])
    repair.recover(tmp_path / "b", tmp_path / "r")
    assert [message[-1] for message in described(tmp_path / "r" / "r_0.mcap")[0]] == [body(i) for i in range(30)]


def test_the_first_chunk_of_our_own_unfinished_recording_costs_itself_alone(tmp_path: Path) -> None:
    """Protects a killed recording: what topics there are is written outside of chunks too."""
    writer = write_bag(tmp_path / "b", 600, flush_every=100)
    writer._files[-1].stream.flush()
    path = tmp_path / "b" / "b_0.mcap"
    start, length = chunks(path.read_bytes())[0]
    hurt(path, start + 9, length - 9)
    contents = repair.examine(path)
    assert contents.counts == {"/text": 500}
    assert repair.recover(path, tmp_path / "r").counts == {"/text": 500}


def test_nothing_saved_is_a_failure_and_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects scripts, and the next try: no folder is left that would block it."""
    path = write_mcap(tmp_path / "a.mcap")
    path.write_bytes(path.read_bytes()[:100])
    assert cli.main(["bag", "recover", str(path), str(tmp_path / "r"), "--json", str(tmp_path / "r.json")]) != 0
    assert "has no messages that can be read" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()
    assert not (tmp_path / "r.json").exists()


def test_a_recover_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the next try, once there is room on the disk."""
    path = write_mcap(tmp_path / "a.mcap")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(BagWriter, "_close_file", full)
        with pytest.raises(DactylError, match="No space left on device"):
            repair.recover(path, tmp_path / "r")
    assert not (tmp_path / "r").exists()
    assert repair.recover(path, tmp_path / "r").counts == {"/text": 200}


def test_a_clock_that_goes_back_is_told(tmp_path: Path) -> None:
    """Protects whoever reads rates from a recording whose machine set its clock."""
    path = write_mcap(tmp_path / "a.mcap", clock=lambda i: (5000 + i - (3600 if i > 99 else 0)) * SECOND)
    contents = repair.examine(path)
    assert contents.notes == ["the clock goes back by 3599.0 s after 100 messages"]
    assert contents.problems == []
    assert contents.seconds == pytest.approx(5099 - 1500, abs=1)


def test_qualities_of_service_are_kept_from_any_version(tmp_path: Path) -> None:
    """Protects old bags, whose profiles have numbers for words, and any that say something else."""
    old = "- history: 1\n  depth: 5\n  reliability: 2\n  durability: 1\n"
    assert Qos.read(old) == (Qos("best_effort", "transient_local", "keep_last", 5),)
    for garbled in ("5", "- 5", "[{}]", "- {history: 9, reliability: 1, durability: 1}", "[", "\x00", "a: 2000-99-99"):
        assert Qos.read(garbled) == ()
    writer = BagWriter(tmp_path / "b")
    writer.add_topic(TEXT)
    writer.write("/text", text("hello"), 1, 1)
    writer.close()
    repair.recover(tmp_path / "b", tmp_path / "r")
    assert Bag(tmp_path / "r").topics == Bag(tmp_path / "b").topics


def test_info_in_json_has_notes_and_problems(tmp_path: Path) -> None:
    """Protects scripts."""
    path = write_mcap(tmp_path / "a.mcap")
    hurt(path, chunks(path.read_bytes())[1][0] + 60)
    with contextlib.chdir(tmp_path):
        assert cli.main(["bag", "info", "a.mcap", "--json", "i.json"]) == 1
    results = json.loads((tmp_path / "i.json").read_text())["results"]
    assert len(results["problems"]) == 1
    assert results["notes"] == []
