"""A problem whose answer is known: residuals that are linear in the parameters, without any simulation."""

from __future__ import annotations

from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

import numpy as np

from dactyl.calibration.model.problem import Problem
from dactyl.calibration.model.replay import Replay
from dactyl.calibration.model.space import Space
from dactyl.calibration.model.windows import Group

WINDOWS = 40


class LinearReplay(Replay):
    """Each group's residuals are `matrix @ (unit - true)` of its own parameters, for its one joint."""

    def __init__(self, space: Space, true: np.ndarray, matrix: np.ndarray, noise: float = 0.0) -> None:
        self.groups = [Group("roll", np.array([0]), np.array([0])), Group("pitch", np.array([1]), np.array([1]))]
        self.layers: Any = [SimpleNamespace(active=np.ones((WINDOWS, 2), bool))]
        self.robots: Any = SimpleNamespace(steps=0)
        self._space, self._true, self._matrix = space, true, matrix
        self._noise = noise * np.random.default_rng(1).standard_normal((WINDOWS, 2))

    def residuals(self, vectors: np.ndarray, groups: Collection[int] | None = None) -> np.ndarray:
        off = self._space.to_unit(vectors) - self._true
        found = np.full((len(vectors), WINDOWS, 2), np.nan)
        for i, group in enumerate(self.groups):
            if groups is None or i in groups:
                own = self._space.of(group)
                found[..., i] = off[:, own] @ self._matrix[:, : len(own)].T + self._noise[:, i]
        return found


def problem(space: Space, true: np.ndarray, matrix: np.ndarray, noise: float = 0.0) -> Problem:
    """The linear problem, silent."""
    return Problem(LinearReplay(space, true, matrix, noise), space, report=lambda _: None)


def mixing(count: int = 11, seed: int = 0) -> np.ndarray:
    """(WINDOWS, count): every parameter has an effect of its own."""
    matrix: np.ndarray = np.random.default_rng(seed).standard_normal((WINDOWS, count))
    return matrix
