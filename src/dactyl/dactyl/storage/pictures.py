"""Pictures written whole or not at all, and under names that say their format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dactyl import results
from dactyl.errors import DactylError
from dactyl.storage.files import write_atomically

PIXELS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
"""Endings of what OpenCV writes."""
DRAWINGS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".pdf", ".svg", ".eps")
"""Endings of what matplotlib writes."""


def check(path: Path, endings: Sequence[str] = PIXELS) -> None:
    """Called before what makes the picture.

    Raises:
        DactylError: the name ends otherwise, or the file could not be written.
    """
    if path.suffix.lower() not in endings:
        raise DactylError(f"cannot write a picture to {path}: its name must end in {', '.join(endings)}")
    results.check_writable(path)


def write(path: Path, picture: np.ndarray, quality: int = 95) -> None:
    """Write one.

    Args:
        path: with one of the endings in PIXELS.
        picture: (height, width) or (height, width, 3) RGB, uint8.
        quality: of a JPEG, 0 to 100.

    Raises:
        DactylError: it cannot be written.
    """
    import cv2

    check(path)
    try:
        shown = picture if picture.ndim == 2 else picture[..., ::-1]
        done, data = cv2.imencode(path.suffix.lower(), shown, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if not done:
            raise DactylError(f"cannot write {path}: OpenCV does not encode it")
        write_atomically(path, data.tobytes())
    except (OSError, cv2.error) as error:
        raise DactylError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}") from error


def read(path: Path, grey: bool = False) -> np.ndarray | None:
    """A picture, (height, width, 3) RGB or (height, width), uint8; None where it is none."""
    import cv2

    try:
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR)
    except cv2.error:  # a size that cannot be
        return None
    return image if image is None or grey else np.ascontiguousarray(image[..., ::-1])
