"""Recorded motion capture in the live system's place: C3D files and bags."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dactyl.errors import DactylError
from dactyl.hardware.markers import Marker, MarkerFrame
from dactyl.recording.reading import Bag, nanoseconds

METRES = {"m": 1.0, "cm": 1e-2, "mm": 1e-3}


class Recording(NamedTuple):
    """Frames of markers."""

    times: np.ndarray
    """(n,) s from the beginning, not decreasing."""
    frames: list[list[Marker]]
    """Those of each time."""


class Replay:
    """Plays a recording at the pace it was recorded at, stamped with the present."""

    def __init__(self, name: str, recording: Recording, now_ns: Callable[[], int], repeat: bool = True) -> None:
        """
        Args:
            name: what it is called in messages.
            recording: with at least one frame.
            now_ns: the clock that frames are stamped with, ns.
            repeat: begin again at the end; otherwise it falls silent.
        """
        self.name, self._recording, self._now_ns, self._repeat = name, recording, now_ns, repeat
        times = recording.times
        self._duration = float(times[-1] + (np.median(np.diff(times)) if len(times) > 1 else 1.0))
        self._next = 0
        self._start = 0.0
        self.dropped = 0

    def open(self) -> None:
        self._next, self._start = 0, time.monotonic()

    def read(self, timeout: float) -> MarkerFrame | None:
        rounds, index = divmod(self._next, len(self._recording.frames))
        if rounds and not self._repeat:
            time.sleep(timeout)
            return None
        due = self._start + rounds * self._duration + self._recording.times[index]
        wait = due - time.monotonic()
        if wait > timeout:
            time.sleep(timeout)
            return None
        if wait > 0:
            time.sleep(wait)
        self._next += 1
        return MarkerFrame(self._now_ns(), self._recording.frames[index])

    def close(self) -> None:
        """There is nothing to let go of."""


def read_c3d(path: Path) -> Recording:
    """A C3D file. A point's id is the number in its label ("M007"), or else its place in the file.

    Raises:
        DactylError: it cannot be read, or holds no points.
    """
    import c3d

    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about analog channels, which are not looked at
            warnings.filterwarnings("error", message="reached end of file")
            reader = c3d.Reader(file)
            rate, labels = float(reader.point_rate), [str(label) for label in reader.point_labels]
            units = reader.get("POINT:UNITS").string_value.strip()
            points = np.array([frame[1] for frame in reader.read_frames()], dtype=float)
    except FileNotFoundError as error:
        raise DactylError(f"there is no C3D file {path}") from error
    except Exception as error:  # whatever damage makes the reader stumble over
        raise DactylError(f"{path} is not a C3D file: {' '.join(str(error).split())}") from error
    if not points.size:
        raise DactylError(f"the C3D file {path} has no points")
    if units not in METRES:
        raise DactylError(f"the C3D file {path} has an unknown unit of length: {units!r}")
    if not rate > 0:
        raise DactylError(f"the C3D file {path} has no frame rate")
    ids = [_marker_id(label, i) for i, label in enumerate(labels)]
    if len(set(ids)) != points.shape[1]:
        raise DactylError(f"the C3D file {path} has labels that do not tell its {points.shape[1]} points apart: {ids}")
    seen = (np.isfinite(points[..., :3]).all(axis=2) & (points[..., 3] >= 0)).tolist()  # C3D's sign of a lost point
    frames = [
        [Marker(number, (x, y, z), 1.0 if valid else -1.0) for number, (x, y, z), valid in zip(*frame, strict=True)]
        for frame in zip([ids] * len(seen), (METRES[units] * points[..., :3]).tolist(), seen, strict=True)
    ]
    return Recording(np.arange(len(frames)) / rate, frames)


def read_bag(path: Path, topic: str) -> Recording:
    """The dactyl_msgs/MocapMarkers of a bag.

    Raises:
        DactylError: it cannot be read, or has nothing on the topic.
    """
    bag = Bag(path)
    stamps, frames = [], []
    for _, message in bag.decoded({topic}):
        stamps.append(nanoseconds(message.header.stamp))
        frames.append([
            Marker(int(m.id), (m.position.x, m.position.y, m.position.z), float(m.condition)) for m in message.markers
        ])  # fmt: skip
    if not stamps:
        raise DactylError(f"the bag {path} has nothing on {topic}; it has: {', '.join(sorted(bag.topics))}")
    times = np.maximum.accumulate(np.array(stamps, dtype=np.int64) - stamps[0]) * 1e-9
    return Recording(times, frames)


def _marker_id(label: str, place: int) -> int:
    number = re.search(r"(\d+)\s*$", label)
    return int(number.group(1)) if number else place
