"""Videos of pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from dactyl.errors import DactylError


def write_video(frames: Iterator[np.ndarray], path: Path, rate: float) -> Path:
    """RGB frames (height, width, 3) as MP4, so many a second.

    Raises:
        DactylError: OpenCV cannot write one here.
    """
    writer: cv2.VideoWriter | None = None
    for frame in frames:
        if writer is None:
            height, width = frame.shape[:2]
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), rate, (width, height))
            if not writer.isOpened():
                raise DactylError(f"cannot write the video {path}: OpenCV has no MP4 encoder here, or no permission")
        writer.write(frame[..., ::-1])
    if writer is not None:
        writer.release()
    return path
