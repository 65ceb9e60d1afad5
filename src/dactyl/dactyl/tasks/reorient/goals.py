"""Goal orientations, the distance to them (appendix C.1), and where the object starts."""

from __future__ import annotations

from array_api_compat import array_namespace

from dactyl.environment.task import Signals
from dactyl.maths import quaternion
from dactyl.maths.quaternion import Array
from dactyl.maths.random import Draws, rotations
from dactyl.robot.robot import Robot


def draw(draws: Draws, count: int, signals: Signals, limits: tuple[float, float] | None) -> Array:
    """Goal orientations (count, 4): uniform in SO(3), or between limits, rad, from the present one."""
    return rotations(draws, count, limits, None if limits is None else signals["object_orientation"])


def as_pose(goal: Array, robot: Robot) -> tuple[Array, Array]:
    """A goal orientation (4,) as the pose of an object at rest."""
    return robot.workspace.rest, goal


def of_pose(position: Array, orientation: Array) -> Array:
    """The goal that a pose means: its orientation."""
    return orientation


def relative_orientation(goal: Array, orientation: Array) -> Array:
    """The rotation still to make, goal ⊗ conj(orientation), with w >= 0; (..., 4), in the frame both are given in."""
    return quaternion.canonical(quaternion.multiply(goal, quaternion.conjugate(orientation)))


def angle_to_goal(goal: Array, orientation: Array) -> Array:
    """d_t: rotation angle between object and goal, rad, (...,). NaN orientations give NaN, never a success."""
    return quaternion.difference_angle(goal, orientation)


def errors(goal: Array, signals: Signals) -> Array:
    """d_t, (..., 1)."""
    return angle_to_goal(goal, signals["object_orientation"])[..., None]


def place(draws: Draws, count: int, rest: Array) -> Array:
    """Poses (count, 7) of the object at its place of rest in a random orientation (appendix C.1)."""
    orientation = quaternion.uniform(draws.normal(count, 4))
    xp = array_namespace(orientation, rest)
    return xp.concat([xp.broadcast_to(rest[:3], (count, 3)), xp.astype(orientation, rest.dtype)], axis=-1)
