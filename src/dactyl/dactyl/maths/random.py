"""What draws random numbers, for pure functions that numpy and torch share; rotations drawn with it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from array_api_compat import array_namespace

from dactyl.maths import quaternion
from dactyl.maths.quaternion import Array


class Draws(Protocol):
    """Draws arrays of the given shapes, of one namespace and device."""

    def normal(self, *shape: int) -> Array:
        """Standard normal."""

    def uniform(self, low: float, high: float, *shape: int) -> Array:
        """Uniform in [low, high)."""


class NumpyDraws:
    """Draws float64 arrays from a numpy generator."""

    def __init__(self, generator: np.random.Generator) -> None:
        self.generator = generator

    def normal(self, *shape: int) -> np.ndarray:
        return self.generator.standard_normal(shape)

    def uniform(self, low: float, high: float, *shape: int) -> np.ndarray:
        return self.generator.uniform(low, high, shape)


def rotations(draws: Draws, count: int, limits: tuple[float, float] | None, present: Array | None) -> Array:
    """Orientations (count, 4): uniform in SO(3), or turned by an angle between limits, rad, from present ones.

    Args:
        draws: numbers.
        count: how many.
        limits: None: uniform.
        present: (count, 4); only needed with limits. They are turned about axes of every direction.
    """
    normals = draws.normal(count, 4)
    if limits is None or present is None:
        return quaternion.uniform(normals)
    xp = array_namespace(normals)
    turn = draws.uniform(*limits, count, 1)
    axis = normals[:, :3]
    axis = axis / xp.sqrt(xp.sum(axis * axis, axis=-1, keepdims=True))
    return quaternion.canonical(quaternion.multiply(quaternion.from_rotation_vector(turn * axis), present))
