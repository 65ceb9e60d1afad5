"""Motion-capture markers, wherever they come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from dactyl.hardware.device import Device


class Marker(NamedTuple):
    """One LED as the motion-capture system sees it."""

    id: int
    position: tuple[float, float, float]
    """m, in the motion-capture system's frame."""
    condition: float
    """Quality: > 0 seen, larger is better; <= 0 not seen, and position is meaningless."""


class MarkerFrame(NamedTuple):
    """All markers at one time."""

    time_ns: int
    markers: Sequence[Marker]


class MarkerSource(Device[MarkerFrame], Protocol):
    """A device whose readings are marker frames."""
