"""Droppings and regraspings, counted from where the cube was (the paper's "dropping and regrasping").

It is in the air once its centre is so high that it stands on no edge, and dropped once it lies on the table again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from dactyl.tasks.repose.rules import HALF

LIFTED, LYING = HALF + 0.02, HALF + 0.005
"""m; above the first its centre is in the air, below the second it lies. On an edge the centre is 13 mm higher."""


def lifts(positions: np.ndarray) -> int:
    """How often the cube came from the table into the air; positions (T, 3), m, robot frame, one a control step."""
    return _passages(positions)[0]


def drops(positions: np.ndarray) -> int:
    """How often it came back to the table; see `lifts`."""
    return _passages(positions)[1]


def regrasps(positions: np.ndarray) -> int:
    """How often it was lifted again after a drop; see `lifts`."""
    up, down = _passages(positions)
    begun_in_the_air = len(positions) > 0 and positions[0, 2] > LIFTED
    return min(up, down) if begun_in_the_air else max(up - 1, 0)


def _passages(positions: np.ndarray) -> tuple[int, int]:
    """How often it went up and down. A height that is not known changes nothing."""
    up = down = 0
    in_the_air = len(positions) > 0 and bool(positions[0, 2] > LIFTED)
    for height in positions[:, 2]:
        if not in_the_air and height > LIFTED:
            in_the_air, up = True, up + 1
        elif in_the_air and height < LYING:
            in_the_air, down = False, down + 1
    return up, down


COUNTS: Mapping[str, Callable[[np.ndarray], int]] = {"lifts": lifts, "drops": drops, "regrasps": regrasps}
