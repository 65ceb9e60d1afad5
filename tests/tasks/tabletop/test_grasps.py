"""Grasped, or not: counted from heights alone."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.tasks.tabletop.grasps import COUNTS


@pytest.mark.parametrize(
    ("heights", "grasped"),
    [([], 0), ([0.1], 0), ([0.1, 0.12, 0.1], 0), ([0.1, 0.14, 0.1], 1), ([0.1, 0.2, 0.3], 1), ([0.3, 0.2, 0.1], 0)],
    ids=str,
)
def test_what_is_counted(heights: list[float], grasped: int) -> None:
    """What falls again was grasped nevertheless; what is only tipped was not."""
    positions = np.zeros((len(heights), 3))
    positions[:, 2] = heights
    assert {name: count(positions) for name, count in COUNTS.items()} == {"grasps": grasped}
