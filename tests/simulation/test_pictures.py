"""Picture files of the scene."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from dactyl.simulation.pictures import render_pictures, render_placement


def test_each_camera_has_its_pictures(tmp_path: Path) -> None:
    """Protects the emulated cameras: pictures of the real size, in colour, different from camera to camera."""
    render_pictures(tmp_path, "shadow", "block", number=2, seed=0)
    pictures = [cv2.imread(str(tmp_path / f"camera_{i}" / "01.png")) for i in range(3)]
    for picture in pictures:
        assert picture.shape == (480, 640, 3)
        assert np.ptp(picture.astype(int) - picture.mean(axis=2, keepdims=True).astype(int)) > 50
    assert not np.array_equal(pictures[0], pictures[1])
    assert len(list((tmp_path / "camera_2").iterdir())) == 2


def test_the_placement_can_be_drawn(tmp_path: Path) -> None:
    """Protects the picture of docs/hardware.md from a scene that it no longer shows."""
    render_placement(tmp_path / "placement.png")
    assert cv2.imread(str(tmp_path / "placement.png")).shape == (900, 1440, 3)
