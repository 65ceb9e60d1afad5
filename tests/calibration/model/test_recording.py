"""Recordings are read as they were saved; what is none, or shows no motion, is one clear error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dactyl.calibration.model import recording as recordings
from dactyl.calibration.model.recording import Recording
from dactyl.errors import DactylError


def test_a_recording_is_read_as_it_was_saved(recording: Recording, tmp_path: Path) -> None:
    recordings.save(tmp_path / "r.npz", recording)
    read = recordings.load(tmp_path / "r.npz")
    assert read.robot is recording.robot
    np.testing.assert_allclose(read.angles, recording.angles, atol=1e-6)
    np.testing.assert_allclose(read.targets, recording.targets, atol=1e-6)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"nonsense", b"\x93NUMPY"])
def test_what_is_no_recording_is_said_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "r.npz"
    path.write_bytes(content)
    with pytest.raises(DactylError, match=r"r\.npz") as caught:
        recordings.load(path)
    assert "\n" not in str(caught.value)


def test_a_truncated_recording_is_refused(recording: Recording, tmp_path: Path) -> None:
    path = tmp_path / "r.npz"
    recordings.save(path, recording)
    whole = path.read_bytes()
    for share in (0.2, 0.9):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(DactylError, match="cannot read the recording"):
            recordings.load(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"joints": np.array(["roll"])}, "other joints than the robot tray: it lacks pitch"),
        ({"joints": np.array(["pitch", "roll"])}, "in another order"),
        ({"robot": np.array("octopus")}, "there is no robot 'octopus'"),
        ({"period": np.array(0.5)}, "samples 0.5 s apart, not 0.01"),
        ({"angles": np.zeros((3, 2))}, "targets and angles do not fit"),
        ({"targets": np.full((4000, 2), np.nan), "angles": np.zeros((4000, 2))}, "not finite"),
        ({"angles": None}, "lacks angles"),
    ],
)
def test_a_recording_of_something_else_is_refused(
    changes: dict[str, Any], message: str, recording: Recording, tmp_path: Path
) -> None:
    path = tmp_path / "r.npz"
    recordings.save(path, recording)
    with np.load(path) as file:
        content = {name: file[name] for name in file.files} | changes
    np.savez(path, **{name: value for name, value in content.items() if value is not None})
    with pytest.raises(DactylError, match=message):
        recordings.load(path)


def test_a_robot_that_does_not_move_is_said(recording: Recording) -> None:
    still = Recording(recording.robot, recording.targets, 1e-4 * recording.angles)
    with pytest.raises(DactylError, match="bag: the tilting tray did not move, though it was told to"):
        recordings.check(still, "bag")


def test_a_joint_that_does_not_move_is_named(recording: Recording) -> None:
    angles = recording.angles.copy()
    angles[:, 1] = 0.0
    with pytest.raises(DactylError, match="pitch did not move, though told to"):
        recordings.check(Recording(recording.robot, recording.targets, angles), "bag")


def test_a_recording_without_commands_or_angles_is_said(recording: Recording) -> None:
    robot = recording.robot
    with pytest.raises(DactylError, match="no actuator was told to move"):
        recordings.check(Recording(robot, 0.0 * recording.targets, recording.angles), "bag")
    with pytest.raises(DactylError, match=r"0\.0 s of joint angles"):
        recordings.check(Recording(robot, recording.targets, np.nan * recording.angles), "bag")
