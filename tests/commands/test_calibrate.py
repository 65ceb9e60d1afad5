"""The commands of the group `calibrate` that are no robot's own."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from dactyl import cli
from dactyl.calibration.boards import Board
from tests.calibration.test_cameras import DISTORTION, MATRIX, around


def test_cameras_are_calibrated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the command from the printed board to ROS's files."""
    assert cli.main(["calibrate", "cameras", "--print-board", str(tmp_path / "board.png")]) == 0
    assert cv2.imread(str(tmp_path / "board.png")).shape == (1200, 1680, 3)
    assert "210 x 150 mm" in capsys.readouterr().out
    random = np.random.default_rng(0)
    views = [around(np.array([0.0, 0.0, 0.42]), random) for _ in range(6)]
    for camera in ("camera_0", "camera_1", "camera_2"):
        folder = tmp_path / "pictures" / camera
        folder.mkdir(parents=True)
        for i, view in enumerate(views):
            picture = Board().render(MATRIX, DISTORTION, view.rotation, view.position, 640, 480)
            cv2.imwrite(str(folder / f"{i}.png"), picture)
    arguments = [
        str(tmp_path / "pictures"),
        "--placed",
        "0",
        "--position",
        "0",
        "0",
        "0.3",
        "--out",
        str(tmp_path / "out"),
    ]
    assert cli.main(["calibrate", "cameras", *arguments, "--json", str(tmp_path / "report.json")]) == 0
    assert json.loads((tmp_path / "report.json").read_text())["results"]["cameras"]["camera_2"]["views"] == 6
    expected = views[0].inverse().position + np.array([0.0, 0.0, 0.3])
    place = yaml.safe_load((tmp_path / "out" / "camera_1.yaml").read_text())["pose_in_hand"]
    assert np.linalg.norm(place["position"] - expected) < 0.005
    assert cli.main(["calibrate", "cameras", str(tmp_path / "pictures"), "--placed", "0"]) == 1
    assert "need both --placed and --position" in capsys.readouterr().err
