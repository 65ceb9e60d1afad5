"""Recorded motion capture in the live system's place: C3D files and bags."""

from __future__ import annotations

import itertools
import math
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np

from dactyl.errors import DactylError
from dactyl.hardware import c3d_file
from dactyl.hardware.markers import Marker, MarkerFrame
from dactyl.recording.reading import Bag, nanoseconds, understood

METRES = {
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), 1.0),
    **dict.fromkeys(("dm", "decimeter", "decimeters", "decimetre", "decimetres"), 0.1),
    **dict.fromkeys(("cm", "centimeter", "centimeters", "centimetre", "centimetres"), 0.01),
    **dict.fromkeys(("mm", "millimeter", "millimeters", "millimetre", "millimetres"), 0.001),
    **dict.fromkeys(("um", "µm", "μm", "micrometer", "micrometers", "micrometre", "micrometres"), 1e-6),
    **dict.fromkeys(("in", "inch", "inches", '"'), 0.0254),
    **dict.fromkeys(("ft", "foot", "feet", "'"), 0.3048),
}
"""Units of length, in small letters."""


class Frames(Sequence[list[Marker]]):
    """Markers of each time, made when they are asked for: hours of them fit into memory as arrays only."""

    def __init__(self, ids: Sequence[int], positions: np.ndarray, seen: np.ndarray) -> None:
        """
        Args:
            ids: of the markers.
            positions: (frames, markers, 3) m.
            seen: (frames, markers) bool.
        """
        self._ids, self._positions, self._seen = ids, positions, seen

    def __len__(self) -> int:
        return len(self._positions)

    @overload
    def __getitem__(self, index: int) -> list[Marker]: ...
    @overload
    def __getitem__(self, index: slice) -> Frames: ...
    def __getitem__(self, index: int | slice) -> list[Marker] | Frames:
        if isinstance(index, slice):
            return Frames(self._ids, self._positions[index], self._seen[index])
        found = zip(self._ids, self._positions[index].tolist(), self._seen[index].tolist(), strict=True)
        return [Marker(number, (x, y, z), 1.0 if seen else -1.0) for number, (x, y, z), seen in found]


class Recording(NamedTuple):
    """Frames of markers."""

    times: np.ndarray
    """(n,) s from the beginning, not decreasing."""
    frames: Sequence[Sequence[Marker]]
    """Those of each time."""
    problems: Sequence[str] = ()
    """What is missing or was assumed, one line each."""


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
        DactylError: it cannot be read, or holds no points, or does not say when or in what unit.
    """
    points = c3d_file.read(path)
    problems = [f"{path.name}: {problem}" for problem in points.problems]
    unit = points.unit.lower()
    if not unit:
        problems.append(f"{path.name} has no unit of length: mm are taken, as C3D has it")
        unit = "mm"
    if unit not in METRES:
        raise DactylError(f"the C3D file {path} has an unknown unit of length: {points.unit!r}")
    if not points.rate:
        raise DactylError(f"the C3D file {path} has no frame rate")
    ids = _marker_ids(points.labels)
    if len(set(ids)) != len(ids):
        raise DactylError(f"the C3D file {path} has labels that do not tell its {len(ids)} points apart: {ids}")
    if not points.seen.any():
        problems.append(f"{path.name} has no point that is seen")
    frames = Frames(ids, METRES[unit] * points.positions, points.seen)
    return Recording(np.arange(len(frames)) / points.rate, frames, problems)


def read_bag(path: Path, topic: str) -> Recording:
    """The dactyl_msgs/MocapMarkers of a bag.

    Raises:
        DactylError: it cannot be read, or has nothing on the topic.
    """
    bag = Bag(path)
    stamps: list[int] = []
    frames: list[list[Marker]] = []
    with understood(path):
        for _, message in bag.decoded({topic}):
            stamps.append(nanoseconds(message.header.stamp))
            frames.append([_marker(each) for each in message.markers])
    if not stamps:
        has = f"; it has: {', '.join(sorted(bag.topics))}"
        raise DactylError(f"the bag {path} has nothing on {topic}{bag.because or has}")
    times = np.maximum.accumulate(np.array(stamps, dtype=np.int64) - stamps[0]) * 1e-9
    return Recording(times, frames, bag.problems)


def _marker(message: Any) -> Marker:
    """Of a dactyl_msgs/MocapMarker; without a finite place it is not seen."""
    place = (float(message.position.x), float(message.position.y), float(message.position.z))
    return Marker(int(message.id), place, float(message.condition) if all(map(math.isfinite, place)) else -1.0)


def _marker_ids(labels: Sequence[str]) -> list[int]:
    """The number that ends each label; of one without, its place, or the first number that is free."""
    numbers = [re.search(r"(\d{1,9})\s*$", label, re.ASCII) for label in labels]
    used = {int(number[1]) for number in numbers if number}
    free = (i for i in itertools.count(len(labels)) if i not in used)
    return [int(n[1]) if n else place if place not in used else next(free) for place, n in enumerate(numbers)]
