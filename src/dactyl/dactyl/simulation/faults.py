"""What the simulator can be told to break, as it breaks in a laboratory."""

from __future__ import annotations

from enum import Enum


class Fault(str, Enum):
    """Which, by the words that people see."""

    NONE = "none"
    FINGERTIP_HIDDEN = "first finger's marker hidden"
    OBJECT_HIDDEN = "object's markers hidden"
    OBJECT_DROPPED = "object dropped"
    CAMERAS_DARK = "cameras dark"
    JOINTS_SILENT = "joint states silent"


FAULTS: tuple[str, ...] = tuple(fault.value for fault in Fault)
