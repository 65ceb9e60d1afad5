"""Picture files for cameras that pylon emulates."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

SHADES = (50, 100, 150)
"""Blue of the three pictures that each camera plays."""


def write(folder: Path) -> Path:
    """Make camera_0 to camera_2 in the folder, three plain pictures each: red tells the camera, blue the picture."""
    for camera in range(3):
        (folder / f"camera_{camera}").mkdir()
        for i, shade in enumerate(SHADES):
            picture = np.full((480, 640, 3), (shade, 0, 10 * camera), np.uint8)  # OpenCV's order: blue, green, red
            cv2.imwrite(str(folder / f"camera_{camera}" / f"{i}.png"), picture)
    return folder
