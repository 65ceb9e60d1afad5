"""Pushes on the object: they begin now and then and slowly fade. One rule for environments, torch, and nodes, numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace

from dactyl.maths.quaternion import Array


def faded(acceleration: Array, begins: Array, fresh: Array, decay: float) -> Array:
    """Accelerations (N, 3), m/s², a control step later: fresh ones (N, 3) where a push begins, (N,) bool."""
    return array_namespace(acceleration).where(begins[..., None], fresh, decay * acceleration)


@dataclass(frozen=True)
class PushConfig:
    """What the training's randomizations call force_acceleration, force_probability and force_decay."""

    acceleration: float
    """m/s², standard deviation along each axis of a push that begins; times the object's mass it is the force."""
    probability: float
    """That one begins, per control step."""
    decay: float
    """What is left of it a control step later, a share."""


class Pushes:
    """Those on one object."""

    def __init__(self, config: PushConfig, seed: int) -> None:
        self._config, self._random = config, np.random.default_rng([seed, 2])
        self._acceleration = np.zeros((1, 3))

    def next(self) -> np.ndarray:
        """(3,) m/s², world frame, for the coming control step."""
        begins = self._random.uniform(size=1) < self._config.probability
        fresh = self._config.acceleration * self._random.standard_normal((1, 3))
        self._acceleration = faded(self._acceleration, begins, fresh, self._config.decay)
        return self._acceleration[0]

    def stop(self) -> None:
        """Nothing is left of them."""
        self._acceleration = np.zeros((1, 3))
