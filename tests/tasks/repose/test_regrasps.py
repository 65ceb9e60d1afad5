"""Lifted, dropped, lifted again: counted from heights alone."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.tasks.repose.regrasps import COUNTS
from dactyl.tasks.repose.rules import HALF

TABLE, EDGE, AIR, NOWHERE = HALF, HALF * 2**0.5, 0.08, float("nan")


@pytest.mark.parametrize(
    ("heights", "lifts", "drops", "regrasps"),
    [
        ([], 0, 0, 0),
        ([TABLE, TABLE], 0, 0, 0),
        ([TABLE, EDGE, TABLE], 0, 0, 0),
        ([TABLE, AIR, AIR], 1, 0, 0),
        ([TABLE, AIR, EDGE, AIR], 1, 0, 0),
        ([TABLE, AIR, TABLE], 1, 1, 0),
        ([TABLE, AIR, TABLE, AIR], 2, 1, 1),
        ([TABLE, AIR, TABLE, AIR, TABLE, AIR, TABLE], 3, 3, 2),
        ([AIR, TABLE, AIR], 1, 1, 1),
        ([AIR, AIR, TABLE], 0, 1, 0),
        ([TABLE, NOWHERE, TABLE], 0, 0, 0),
    ],
    ids=str,
)
def test_what_is_counted(heights: list[float], lifts: int, drops: int, regrasps: int) -> None:
    """A cube that is tipped over an edge is not lifted; one that begins in the air was not lifted, but may be again."""
    positions = np.zeros((len(heights), 3))
    positions[:, 2] = heights
    found = {name: count(positions) for name, count in COUNTS.items()}
    assert found == {"lifts": lifts, "drops": drops, "regrasps": regrasps}
