"""A pose as eight points: the corners of the cube, whatever object is there (Allshire et al., section 3)."""

from __future__ import annotations

from itertools import product

import numpy as np

from dactyl.maths import quaternion
from dactyl.maths.arrays import Constant
from dactyl.maths.quaternion import Array
from dactyl.tasks.repose.rules import HALF

CORNERS = Constant(HALF * np.array(list(product((-1.0, 1.0), repeat=3))))
"""(8, 3) m, the object's frame. A policy is told nothing of an object's shape: they stay where a cube's would be."""
COUNT = 8


def corners(position: Array, orientation: Array) -> Array:
    """Where the corners of a cube in a pose are, (..., 8, 3) m: position (..., 3), m, and orientation (..., 4)."""
    return position[..., None, :] + quaternion.rotate(orientation[..., None, :], CORNERS.like(position))
