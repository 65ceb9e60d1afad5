"""A scene whose look can be changed through its model's fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dactyl.simulation.scene import Scene


class MaterialIds(NamedTuple):
    """Where materials are in the model."""

    robot: np.ndarray
    background: int
    palettes: np.ndarray
    """The object's material in each of its palettes."""


@dataclass(frozen=True)
class Studio:
    """A scene whose look can be changed through its model's fields."""

    scene: Scene
    names: MaterialIds
    object_geom: int
    """What is seen of the object."""
    center: np.ndarray
    """(3,) the palm in the world, m: what the lights point at."""
