"""Whether the object was grasped, counted from where it was: the first stage that the paper's Table I judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

LIFTED = 0.03
"""m above where it began; a choice."""


def grasps(positions: np.ndarray) -> int:
    """1 if the object was lifted at any time, else 0; positions (T, 3), m, robot frame, one a control step."""
    return int(len(positions) > 0 and bool((positions[:, 2] > positions[0, 2] + LIFTED).any()))


COUNTS: Mapping[str, Callable[[np.ndarray], int]] = {"grasps": grasps}
