"""Goal orientations and the distance to them (appendix C.1)."""

from __future__ import annotations

from dactyl.maths import quaternion
from dactyl.maths.quaternion import Array

SUCCESS_TOLERANCE = 0.4  # rad, appendix C.1


def from_normals(normals: Array) -> Array:
    """Goals uniform in SO(3), (..., 4), from independent standard normal numbers (..., 4)."""
    return quaternion.uniform(normals)


def relative_orientation(goal: Array, orientation: Array) -> Array:
    """The rotation still to make, goal ⊗ conj(orientation), with w >= 0; (..., 4), in the frame both are given in."""
    return quaternion.canonical(quaternion.multiply(goal, quaternion.conjugate(orientation)))


def angle_to_goal(goal: Array, orientation: Array) -> Array:
    """d_t: rotation angle between object and goal, rad, (...,). NaN orientations give NaN, never a success."""
    return quaternion.difference_angle(goal, orientation)
