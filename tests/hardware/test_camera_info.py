"""Calibration files of cameras."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dactyl.calibration import cameras
from dactyl.calibration.cameras import CameraFit
from dactyl.errors import DactylError
from dactyl.hardware import camera_info

FILE = """\
image_width: 640
image_height: 480
camera_name: camera_0
camera_matrix:
  rows: 3
  cols: 3
  data: [837., 0., 320., 0., 837., 240., 0., 0., 1.]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [0.1, -0.2, 0., 0., 0.]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1, 0, 0, 0, 1, 0, 0, 0, 1]
projection_matrix:
  rows: 3
  cols: 4
  data: [837, 0, 320, 0, 0, 837, 240, 0, 0, 0, 1, 0]
"""


def test_what_camera_calibration_writes_is_read(tmp_path: Path) -> None:
    """Protects the one format every ROS tool writes."""
    path = tmp_path / "camera_0.yaml"
    path.write_text(FILE)
    found = camera_info.read(path)
    assert (found.width, found.height, found.distortion_model) == (640, 480, "plumb_bob")
    assert found.k[:3] == (837.0, 0.0, 320.0)
    assert found.d == (0.1, -0.2, 0.0, 0.0, 0.0)
    assert len(found.p) == 12


def test_what_calibrate_cameras_writes_is_read(tmp_path: Path) -> None:
    """Protects the way from the one command to the other node."""
    matrix = np.array([[800.0, 0.0, 320.0], [0.0, 801.0, 240.0], [0.0, 0.0, 1.0]])
    fit = CameraFit(640, 480, matrix, np.array([0.1, 0.2, 0.0, 0.0, 0.3]), 0.2, {}, None)
    (path,) = cameras.write(tmp_path, {"camera_0": fit})
    found = camera_info.read(path)
    assert found.k == tuple(matrix.ravel())
    assert found.d == (0.1, 0.2, 0.0, 0.0, 0.3)
    assert found.p[:4] == (800.0, 0.0, 320.0, 0.0)


ECHOED = """\
header: {stamp: {sec: 1, nanosec: 2}, frame_id: camera_0}
height: 480
width: 640
distortion_model: plumb_bob
d: [0.1, -0.2, 0.0, 0.0, 0.0]
k: [837.0, 0.0, 320.0, 0.0, 837.0, 240.0, 0.0, 0.0, 1.0]
r: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
p: [837.0, 0.0, 320.0, 0.0, 0.0, 837.0, 240.0, 0.0, 0.0, 0.0, 1.0, 0.0]
---
"""
OPENCV = """\
%YAML:1.0
---
image_width: 640
image_height: 480
camera_matrix: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 837., 0., 320., 0., 837., 240., 0., 0., 1. ]
distortion_coefficients: !!opencv-matrix
   rows: 5
   cols: 1
   dt: d
   data: [ 0.1, -0.2, 0., 0., 0. ]
"""
ROWS = """\
image_width: 640
image_height: 480
camera_matrix: [[837, 0, 320], [0, 837, 240], [0, 0, 1]]
distortion_coefficients: [0.1, -0.2, 0, 0, 0]
"""


@pytest.mark.parametrize(
    "text", [ECHOED, ECHOED.replace("\nk:", "\nK:").replace("\nd:", "\nD:"), OPENCV, ROWS, "\ufeff" + FILE],
    ids=["echoed", "echoed by ROS 1", "OpenCV", "rows", "with a byte order mark"],
)  # fmt: skip
def test_the_same_calibration_is_read_however_it_is_written(tmp_path: Path, text: str) -> None:
    """Protects labs whose file came out of another tool; what a file leaves out follows from the rest."""
    for name, content in (("a.yaml", FILE), ("b.yaml", text)):
        (tmp_path / name).write_text(content)
    assert camera_info.read(tmp_path / "b.yaml") == camera_info.read(tmp_path / "a.yaml")


def test_eight_coefficients_are_a_rational_polynomial(tmp_path: Path) -> None:
    """Protects lenses from a model that they are not of."""
    (tmp_path / "a.yaml").write_text(ROWS.replace("0, 0, 0]\n", "0, 0, 0, 1, 2, 3]\n"))
    assert camera_info.read(tmp_path / "a.yaml").distortion_model == "rational_polynomial"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot read the camera calibration"),
        ("a: [", "is not YAML"),
        ("5", "lacks or garbles"),
        (FILE.replace("camera_matrix", "matrix"), "lacks or garbles 'camera_matrix'"),
        (FILE.replace("837., 0., 320., ", ""), "camera_matrix: 6 numbers, not 9"),
        (FILE.replace("[837., 0.", "[-1, 0."), "camera_matrix: its focal lengths are not above 0"),
        (FILE.replace("320., 0., 837.", ".inf, 0., 837."), "camera_matrix: not all its numbers are finite"),
        (FILE.replace("[0.1, -0.2", "[x, -0.2"), "could not convert string to float"),
        (FILE.replace("480", "-1"), "image_height: -1"),
        ("- 1", "no table"),
        ("when: 2000-99-99", "is not YAML"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    """Protects a lab from a typing error, in one line."""
    path = tmp_path / "camera_0.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DactylError, match=message):
        camera_info.read(path)


def test_urls_name_folders() -> None:
    """Protects the URLs that camera_info_manager's users know."""
    shares = {"lab": Path("/share/lab")}.__getitem__
    assert camera_info.folder("/a/b", shares) == Path("/a/b")
    assert camera_info.folder("file:///a/b", shares) == Path("/a/b")
    assert camera_info.folder("package://lab/calibration", shares) == Path("/share/lab/calibration")
    with pytest.raises(DactylError, match="neither a path"):
        camera_info.folder("http://a/b", shares)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pose_in_hand: 3", "no table"),
        ("pose_in_hand: {position: [0, 0]}", "position"),
        ("pose_in_hand: {position: [0, 0, .nan], quaternion: [1, 0, 0, 0]}", "finite"),
        ("pose_in_hand: {position: [0, 0, 1]}", "quaternion"),
        ("pose_in_hand: {position: [0, 0, 1], quaternion: [0, 0, 0, 0]}", "no rotation"),
    ],
)
def test_a_place_that_is_none_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    """Protects RViz from cameras that are nowhere."""
    path = tmp_path / "camera_0.yaml"
    path.write_text(text)
    with pytest.raises(DactylError, match=f"pose_in_hand|{message}") as error:
        camera_info.place(path)
    assert message in str(error.value)


def test_a_camera_without_a_place_has_none(tmp_path: Path) -> None:
    path = tmp_path / "camera_0.yaml"
    path.write_text("image_width: 640")
    assert camera_info.place(path) is None
    path.write_text("pose_in_hand: {position: [0, 0, 1], quaternion: [2, 0, 0, 0]}")
    place = camera_info.place(path)
    assert place is not None
    assert (place.position.tolist(), place.orientation.tolist()) == ([0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0])
