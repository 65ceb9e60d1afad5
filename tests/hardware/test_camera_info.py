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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot read the camera calibration"),
        ("a: [", "is not YAML"),
        ("5", "lacks or garbles"),
        (FILE.replace("camera_matrix", "matrix"), "lacks or garbles 'camera_matrix'"),
        (FILE.replace("837., 0., 320., ", ""), "camera_matrix: 6 numbers, not 9"),
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
