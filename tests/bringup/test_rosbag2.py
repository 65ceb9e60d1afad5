"""`ros2 bag record` in the recorder's place, where there is one: a script stands for it here."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from dactyl.bringup import rosbag2
from dactyl.bringup.options import RecordOptions
from dactyl.bringup.recording import record_graph
from dactyl.errors import DactylError


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with the arguments that `ros2` was called with; it waits for SIGINT, as the real one does."""
    index = tmp_path / "prefix" / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    for package in ("ros2bag", "rosbag2_storage_mcap"):
        (index / package).touch()
    script = tmp_path / "bin" / "ros2"
    script.parent.mkdir()
    script.write_text(f'#!/bin/bash\ntrap "exit 0" INT\necho "$@" >{tmp_path}/said\nwhile true; do sleep 0.05; done\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "prefix"))
    return tmp_path / "said"


def test_it_is_used_with_the_same_choices(said: Path, tmp_path: Path) -> None:
    """Protects people with a ROS installation: the same bag format, topics, splitting and length."""
    options = RecordOptions(bag=str(tmp_path / "b"), topics="/a /b", seconds=0.5, split_mb=7)
    assert rosbag2.installed()
    assert rosbag2.record(record_graph(options).node("recorder").parameters) == 0
    assert said.read_text().split() == [
        "bag", "record", "--storage", "mcap", "--storage-preset-profile", "zstd_fast", "--output", str(tmp_path / "b"),
        "--max-bag-size", "7000000", "--topics", "/a", "/b",
    ]  # fmt: skip
    everything = rosbag2.command(record_graph(RecordOptions(bag="b", images=False)).node("recorder").parameters)
    assert everything[-3:] == ["--all-topics", "--exclude-regex", ".*/image_raw"]


def test_it_ends_in_the_background_of_a_script_too(said: Path, tmp_path: Path) -> None:
    """There SIGINT is ignored, and a shell that is started so cannot trap it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        options = RecordOptions(bag=str(tmp_path / "b"), seconds=0.5)
        assert rosbag2.record(record_graph(options).node("recorder").parameters) == 0
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_it_cannot_do_is_said(said: Path, tmp_path: Path) -> None:
    """Protects from a recording without the results that were asked for."""
    options = RecordOptions(bag=str(tmp_path / "b"), json=str(tmp_path / "r.json"))
    with pytest.raises(DactylError, match="--own"):
        rosbag2.record(record_graph(options).node("recorder").parameters)
    assert not said.exists()


def test_without_its_storage_it_is_not_there(said: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects machines with half of it: the project's own recorder is used."""
    monkeypatch.setenv("AMENT_PREFIX_PATH", "/nowhere")
    assert not rosbag2.installed()
