"""How many processes share the work of a training on this machine."""

from __future__ import annotations

import os

MOST = 8
"""Where nobody says how many: trainings here have at least so many environments to share."""


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0))


def workers_for(number: int) -> int:
    """The largest power of two that so many cores carry, at most `MOST`."""
    return min(MOST, 1 << (max(1, number).bit_length() - 1))
