"""Puts the cameras' images of one moment together and keeps from the network what shows nothing or is not live."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from dactyl.errors import DactylError

MIN_CONTRAST = 4.0
"""Grey levels, standard deviation: an image that varies less is black, white or covered."""


class Triple(NamedTuple):
    """What all cameras saw at one moment."""

    stamp_ns: int
    """Of the oldest image."""
    pictures: np.ndarray
    """(cameras, size, size, 3) uint8 RGB"""


@dataclass
class _Camera:
    name: str
    fault: str = "no image yet"
    """Why its newest image cannot be used; empty: it can."""
    stamp_ns: int = -1
    picture: np.ndarray | None = None
    checksum: int = 0
    repeats: int = 0
    """Images in a row that were the same as the one before."""
    waits: bool = field(default=False)
    """The picture has not been used yet."""


class Synchronizer:
    """Takes images one by one, gives triples."""

    def __init__(
        self,
        cameras: Sequence[str],
        cut: Callable[[np.ndarray], np.ndarray],
        tolerance_ns: int,
        frozen_after: int,
        sensor_noise: bool,
    ) -> None:
        """Nothing seen yet.

        Args:
            cameras: their names.
            cut: from a camera's image to the network's picture, see `Estimator.cut`.
            tolerance_ns: images whose stamps are at most so far apart show one moment.
            frozen_after: a camera that sends the same image so many times in a row is frozen.
            sensor_noise: no live camera ever sends the same image twice. Where that is not so, as in simulation, a
                camera counts as frozen only if another's images have changed meanwhile.
        """
        self._cut, self._tolerance_ns = cut, tolerance_ns
        self._frozen_after, self._sensor_noise = frozen_after, sensor_noise
        self._cameras = [_Camera(name) for name in cameras]
        self.spoiled_ns: int | None = None
        """Stamp of the moment that the last image completed, if not every image of it can be used."""

    @property
    def faults(self) -> dict[str, str]:
        """By camera why its newest image cannot be used; empty where all can."""
        return {camera.name: camera.fault for camera in self._cameras if camera.fault}

    def add(self, index: int, stamp_ns: int, image: np.ndarray) -> Triple | None:
        """Take one camera's image (height, width, 3); the moment's triple if it was the last that lacked."""
        self.spoiled_ns = None
        camera = self._cameras[index]
        if stamp_ns <= camera.stamp_ns:
            return None  # sent again, or overtaken
        camera.stamp_ns = stamp_ns
        camera.fault = self._inspect(camera, image)
        camera.waits = not camera.fault
        stamps = [camera.stamp_ns for camera in self._cameras]
        together = max(stamps) - min(stamps) <= self._tolerance_ns
        if not all(camera.waits for camera in self._cameras):
            if together and all(camera.waits or camera.fault for camera in self._cameras):
                self.spoiled_ns = min(stamps)
            return None
        if not together:
            return None
        pictures = [camera.picture for camera in self._cameras if camera.picture is not None]
        for camera in self._cameras:
            camera.waits = False
        return Triple(min(stamps), np.stack(pictures))

    def _inspect(self, camera: _Camera, image: np.ndarray) -> str:
        try:
            camera.picture = self._cut(image)
        except DactylError as error:
            return str(error)
        checksum = zlib.crc32(camera.picture.tobytes())
        camera.repeats = camera.repeats + 1 if checksum == camera.checksum else 0
        camera.checksum = checksum
        if camera.picture.std() < MIN_CONTRAST:
            return "the image shows nothing: it is black, white or covered"
        if camera.repeats >= self._frozen_after and (self._sensor_noise or self._others_live(camera)):
            return f"the image is frozen: {camera.repeats + 1} times the same"
        return ""

    def _others_live(self, camera: _Camera) -> bool:
        return any(other.repeats < self._frozen_after for other in self._cameras if other is not camera)
