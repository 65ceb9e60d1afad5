"""The inputs of the policy and value networks: Table 2 and two more. Training and policy node assemble them here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from array_api_compat import array_namespace

from dactyl.errors import DactylError
from dactyl.maths.quaternion import Array

TERMS: dict[str, int] = {
    # Table 2; positions in m, hand frame; quaternions (w, x, y, z)
    "fingertip_positions": 15,
    "object_position": 3,
    "object_orientation": 4,
    "target_orientation": 4,
    "relative_target_orientation": 4,
    "joint_angles": 24,  # rad
    "joint_velocities": 24,  # rad/s
    "object_velocity": 3,  # m/s
    "object_angular_velocity": 4,  # as the quaternion of the rotation in one control step
    # not in the paper
    "symmetric_orientation": 4,  # of the object, reduced by the symmetries of its shape
    "smoothed_action": 20,  # in [-1, 1], after the moving average
}
"""Name and size of every input."""

POLICY_TERMS: tuple[str, ...] = ("fingertip_positions", "object_position", "relative_target_orientation")
VALUE_TERMS: tuple[str, ...] = tuple(TERMS)[:9]


def size(terms: Sequence[str]) -> int:
    """Length of the observation made of these terms."""
    return sum(TERMS[check(term)] for term in terms)


def check(term: str) -> str:
    """The term itself.

    Raises:
        DactylError: it is none of Table 2's.
    """
    if term not in TERMS:
        raise DactylError(f"unknown observation {term!r}: choose from {', '.join(TERMS)}")
    return term


def assemble(values: Mapping[str, Array], terms: Sequence[str]) -> Array:
    """Concatenate the named values, each (..., TERMS[name]), into one observation (..., size(terms))."""
    xp = array_namespace(*(values[term] for term in terms))
    return xp.concat([values[term] for term in terms], axis=-1)
