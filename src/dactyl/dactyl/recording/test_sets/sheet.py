"""A contact sheet of a vision test set: its pictures with the true poses drawn into them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from dactyl.errors import DactylError
from dactyl.recording.test_sets.dataset import Dataset
from dactyl.recording.test_sets.overlay import draw
from dactyl.storage import pictures

WIDTH = 320  # pixels of a picture


def write(dataset: Dataset, out: Path, rows: int = 6, columns: int = 2) -> int:
    """Write a sheet of samples taken evenly from the set; how many are on it.

    Raises:
        DactylError: a camera's pose is not known, or the file cannot be written.
    """
    if any(camera.position is None for camera in dataset.cameras):
        raise DactylError(f"{dataset.folder}: the cameras' poses are not known, so nothing can be drawn into pictures")
    count = min(len(dataset), rows * columns)
    chosen = np.linspace(0, len(dataset) - 1, count).round().astype(int)
    strips = [_strip(dataset, int(i)) for i in chosen]
    blank = np.full_like(strips[0], 255)
    strips += [blank] * (-len(strips) % columns)
    sheet = np.concatenate(
        [np.concatenate(strips[i : i + columns], axis=1) for i in range(0, len(strips), columns)], axis=0
    )
    pictures.write(out, sheet)
    return count


def _strip(dataset: Dataset, i: int) -> np.ndarray:
    sample = dataset[i]
    seen = []
    for camera, image in zip(dataset.cameras, sample.images, strict=True):
        size = (WIDTH, round(WIDTH * camera.height / camera.width))
        small = np.ascontiguousarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
        draw(small, camera, sample.position, sample.quaternion, dataset.object, (255, 140, 0))
        seen.append(small)
    strip = np.concatenate(seen, axis=1)
    cv2.putText(strip, str(i), (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (90, 90, 90), 1, cv2.LINE_AA)
    return np.pad(strip, ((2, 2), (2, 2), (0, 0)), constant_values=255)
