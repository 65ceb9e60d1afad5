"""Orientations that an object's shape cannot tell apart.

How fingers can grip depends on the block's orientation only up to its 24 symmetries; which face is which only matters
for the rotation to the goal. A network told this need not find it out.
"""

from __future__ import annotations

from functools import cache
from math import pi

import numpy as np
from array_api_compat import array_namespace

from dactyl.maths import quaternion
from dactyl.maths.arrays import Constant
from dactyl.maths.quaternion import Array

_GENERATORS: dict[str, tuple[tuple[float, float, float], ...]] = {
    # rotation vectors in the object frame, rad
    "block": ((pi / 2, 0.0, 0.0), (0.0, 0.0, pi / 2)),
    "octagonal_prism": ((0.0, 0.0, pi / 4), (pi, 0.0, 0.0)),
    "sphere": (),  # nothing to tell apart by its shape, but no finite group either
}


@cache
def rotations(kind: str) -> Constant:
    """All rotations that bring the object's shape onto itself, quaternions (K, 4): 24 of the block, 16 of the prism."""
    generators = [quaternion.from_rotation_vector(np.array(v)) for v in _GENERATORS[kind]]
    found = [np.array([1.0, 0.0, 0.0, 0.0])]
    for known in found:  # grows while it is read
        for generator in generators:
            new = quaternion.multiply(known, generator)
            if all(quaternion.difference_angle(new, old) > 1e-3 for old in found):
                found.append(new)
    return Constant(np.stack(found))


def reduce(kind: str, orientation: Array) -> Array:
    """The smallest rotation, (..., 4) with w >= 0, that an object of this shape and orientation could be in."""
    xp = array_namespace(orientation)
    candidates = quaternion.multiply(orientation[..., None, :], rotations(kind).like(orientation))
    smallest = xp.argmax(xp.abs(candidates[..., 0]), axis=-1)
    chosen = xp.take_along_axis(candidates, smallest[..., None, None], axis=-2)
    return quaternion.canonical(chosen[..., 0, :])
