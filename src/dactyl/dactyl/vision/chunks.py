"""Chunks of moments as files: between the processes that render and the one that trains."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from dactyl.storage.files import write_atomically
from dactyl.vision.keypoints import Keypoints
from dactyl.vision.moments import VALIDATION, Moments

_STORED = ("pictures", "position", "orientation", "places", "turned_towards", "seconds")


def path_of(folder: Path, number: int) -> Path:
    """The file of the chunk of that number, or of VALIDATION."""
    return folder / ("validation.npz" if number == VALIDATION else f"chunk-{number:06d}.npz")


def number_of(path: Path) -> int:
    """The inverse of `path_of`, for chunks to train on."""
    return int(path.stem.rpartition("-")[2])


def write(folder: Path, number: int, moments: Moments) -> None:
    """Store a chunk, whole or not at all."""
    file = io.BytesIO()
    fields = {**moments._asdict(), **moments.keypoints._asdict()}
    np.savez(file, **{name: fields[name] for name in _STORED})
    write_atomically(path_of(folder, number), file.getvalue())


def read(folder: Path, number: int) -> Moments:
    """Load a chunk."""
    with np.load(path_of(folder, number)) as file:
        pictures, position, orientation, places, towards, seconds = (file[name] for name in _STORED)
    return Moments(pictures, position, orientation, Keypoints(places, towards), float(seconds))
