"""What draws random numbers, for pure functions that numpy and torch share."""

from __future__ import annotations

from typing import Protocol

import numpy as np

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
