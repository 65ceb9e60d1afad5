"""Keeps a camera running: a thread opens it, takes its pictures, and opens it again when it was gone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from dactyl.errors import DactylError

RETRY = 1.0
"""s between attempts to open a camera."""
PATIENCE = 0.2
"""s to wait for one picture before looking whether to stop."""


class Picture(NamedTuple):
    """One exposure."""

    time_ns: int
    """When the exposure began."""
    pixels: np.ndarray
    """(height, width, 3) uint8, RGB"""


class CameraLostError(DactylError):
    """The camera is not there, or does not answer any more."""


class Camera(Protocol):
    """What a camera's driver does. A lost camera can be closed and opened again."""

    name: str
    dropped: int
    """Pictures that were exposed or asked for and did not arrive, or arrived damaged."""
    unsupported: list[str]
    """Features that the settings name and this camera lacks."""

    def open(self) -> None:
        """Find and configure the camera and let it take pictures.

        Raises:
            CameraLostError: it is not there or belongs to somebody else.
            DactylError: it cannot do what its settings ask for.
        """

    def grab(self, timeout: float) -> Picture | None:
        """The newest picture; None if none came in so many seconds.

        Raises:
            CameraLostError: it was unplugged.
        """

    def trigger(self, time_ns: int) -> None:
        """Begin an exposure now, where the settings leave that to software. Never raises, never waits."""

    def close(self) -> None:
        """Let go of the camera; never raises."""


class CameraReader:
    """Runs one camera in a thread until closed."""

    def __init__(self, camera: Camera, on_picture: Callable[[Picture], None], log: Callable[[str], None]) -> None:
        """
        Args:
            camera: not opened yet.
            on_picture: called in the reader's thread with each picture.
            log: told in one line when the camera is lost, and when it is back.
        """
        self.camera = camera
        self.fault = f"{camera.name}: not opened yet"
        """Why there are no pictures; empty while all is well."""
        self.pictures = 0
        self.reconnections = 0
        """How often a camera that had worked was opened again."""
        self._on_picture, self._log = on_picture, log
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=camera.name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, and let go of the camera."""
        self._stopping.set()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.camera.open()
                if self.pictures:
                    self.reconnections += 1
                    self._log(f"{self.camera.name}: back again")
                self.fault = ""
                while not self._stopping.is_set():
                    picture = self.camera.grab(PATIENCE)
                    if picture is not None:
                        self.pictures += 1
                        self._on_picture(picture)
            except DactylError as error:
                if str(error) != self.fault:
                    self._log(str(error))
                self.fault = str(error)
            finally:
                self.camera.close()
            self._stopping.wait(RETRY)
