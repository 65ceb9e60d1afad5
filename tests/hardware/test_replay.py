"""Recordings in the live motion-capture system's place."""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import c3d
import numpy as np
import pytest

from dactyl.errors import DactylError
from dactyl.hardware.markers import Marker
from dactyl.hardware.replay import Recording, Replay, read_bag, read_c3d
from tests import bags

MS = 1_000_000


def write_c3d(path: Path, labels: tuple[str, ...] = ("M003", "M010"), units: str = "mm", rate: float = 100.0) -> Path:
    """Three frames of two points, the second hidden in the last frame."""
    frames = [[(100.0 + 10.0 * i, 0.0, 0.0, 0.0, 0.0), (0.0, -50.0, 0.0, 0.0, 0.0)] for i in range(3)]
    frames[2][1] = (0.0, 0.0, 0.0, -1.0, 0.0)
    writer = c3d.Writer(point_rate=rate, point_units=units)
    writer.set_point_labels(labels)
    writer.add_frames([(np.array(frame), np.zeros((0, 0))) for frame in frames])
    with path.open("wb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the writer misses analog channels
        writer.write(file)
    return path


def test_a_c3d_file_gives_ids_metres_and_gaps(tmp_path: Path) -> None:
    """Protects a recording of PhaseSpace's own software: its labels name the LEDs, its unit is mm."""
    recording = read_c3d(write_c3d(tmp_path / "a.c3d"))
    np.testing.assert_allclose(recording.times, [0.0, 0.01, 0.02])
    assert recording.frames[1][0] == Marker(3, pytest.approx((0.11, 0.0, 0.0)), 1.0)
    assert recording.frames[1][1] == Marker(10, pytest.approx((0.0, -0.05, 0.0)), 1.0)
    assert recording.frames[2][0].condition > 0
    assert recording.frames[2][1].condition < 0


def test_labels_without_numbers_are_counted(tmp_path: Path) -> None:
    """Protects recordings of other systems."""
    recording = read_c3d(write_c3d(tmp_path / "a.c3d", labels=("thumb", "ring")))
    assert [marker.id for marker in recording.frames[0]] == [0, 1]


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ({"units": "ell"}, "unknown unit of length: 'ell'"),
        ({"labels": ("A1", "B1")}, "do not tell its 2 points apart"),
    ],
)
def test_c3d_files_that_cannot_be_used_are_refused(tmp_path: Path, file: dict[str, object], message: str) -> None:
    """Protects against positions in guessed units."""
    with pytest.raises(DactylError, match=message):
        read_c3d(write_c3d(tmp_path / "a.c3d", **file))  # type: ignore[arg-type]


def test_what_is_no_c3d_file_is_refused(tmp_path: Path) -> None:
    """Protects a typing error from a stack trace."""
    with pytest.raises(DactylError, match="there is no C3D file"):
        read_c3d(tmp_path / "none.c3d")
    whole = write_c3d(tmp_path / "whole.c3d").read_bytes()
    (tmp_path / "cut.c3d").write_bytes(whole[: len(whole) - 512])
    with pytest.raises(DactylError, match="is not a C3D file"):
        read_c3d(tmp_path / "cut.c3d")
    (tmp_path / "text.c3d").write_text("not at all\n" * 100)
    with pytest.raises(DactylError, match="is not a C3D file"):
        read_c3d(tmp_path / "text.c3d")


def test_a_bag_gives_its_markers(tmp_path: Path) -> None:
    """Protects replays of what the project's graph recorded; without ROS, with the bag's own definitions."""
    store = bags.typestore()
    frames = [("/dactyl/mocap/markers", i * 8 * MS, bags.markers(store, i * 8 * MS, [(4, 0.1 * i, 0.0, 0.0, 1.0)]))
              for i in range(1, 4)]  # fmt: skip
    path = bags.write(tmp_path / "bag", {"/dactyl/mocap/markers": "dactyl_msgs/msg/MocapMarkers"}, frames, store)
    recording = read_bag(path, "/dactyl/mocap/markers")
    np.testing.assert_allclose(recording.times, [0.0, 0.008, 0.016])
    assert recording.frames[2] == [Marker(4, (pytest.approx(0.3), 0.0, 0.0), 1.0)]
    with pytest.raises(DactylError, match="has nothing on /markers; it has: /dactyl/mocap/markers"):
        read_bag(path, "/markers")
    with pytest.raises(DactylError, match="none"):
        read_bag(tmp_path / "none", "/markers")


def test_a_replay_keeps_the_recordings_pace_and_begins_again() -> None:
    """Protects whoever measures rates on a replay: the pace is the recording's, the stamps are the present's."""
    frames = [[Marker(i, (0.0, 0.0, 0.0), 1.0)] for i in range(3)]
    replay = Replay("test", Recording(np.array([0.0, 0.02, 0.04]), frames), time.time_ns)
    replay.open()
    read = [replay.read(0.1) for _ in range(5)]
    assert [frame.markers[0].id for frame in read if frame] == [0, 1, 2, 0, 1]
    elapsed = (read[-1].time_ns - read[0].time_ns) * 1e-9  # type: ignore[union-attr]
    assert elapsed == pytest.approx(0.08, abs=0.03)
    assert replay.read(0.0) is None


def test_a_replay_that_is_not_repeated_falls_silent() -> None:
    """Protects a measurement from beginning again unnoticed."""
    recording = Recording(np.array([0.0]), [[Marker(0, (0.0, 0.0, 0.0), 1.0)]])
    replay = Replay("test", recording, time.time_ns, repeat=False)
    replay.open()
    assert replay.read(0.1) is not None
    assert replay.read(0.01) is None
