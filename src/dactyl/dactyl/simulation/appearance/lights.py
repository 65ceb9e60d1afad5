"""Lights (Table 9): how many, from where, how bright."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

MAX_LIGHTS = 6
_DISTANCE = 1.5  # m from the palm; the light is directional, so it only names a direction
_UNITY_TOTAL = 15.0
_FULL = 1.2  # summed diffuse intensity of MuJoCo's lights that stands for Unity's 15
_SPECULAR = 0.5  # of a light's diffuse intensity


class Lights(NamedTuple):
    """Distant lights around the palm and the light that is everywhere."""

    directions: np.ndarray
    """(n, 3) unit, from the palm to the light, world frame."""
    intensities: np.ndarray
    """(n,) diffuse."""
    ambient: float

    def fields(self, center: np.ndarray) -> dict[str, np.ndarray]:
        """The model's MAX_LIGHTS lights; those too many are dark."""
        towards = np.tile([0.0, 0.0, 1.0], (MAX_LIGHTS, 1))
        towards[: len(self.directions)] = self.directions
        diffuse = np.zeros((MAX_LIGHTS, 3))
        diffuse[: len(self.intensities)] = self.intensities[:, None]
        ambient = np.zeros((MAX_LIGHTS, 3))
        ambient[0] = self.ambient
        return {
            "light_pos": center + _DISTANCE * towards,
            "light_dir": -towards,
            "light_diffuse": diffuse,
            "light_specular": _SPECULAR * diffuse,
            "light_ambient": ambient,
        }


@dataclass(frozen=True)
class LightRanges:
    """Table 9: lights are drawn one by one; intensities are relative to each other and scaled to a random total."""

    number: tuple[int, int] = (4, MAX_LIGHTS)
    relative_intensity: tuple[float, float] = (1.0, 5.0)
    total_intensity: tuple[float, float] = (0.0, _UNITY_TOTAL)
    """In the units of Unity, where 0 is not dark because the surroundings shine; MuJoCo gets `ambient` for that."""
    ambient: tuple[float, float] = (0.25, 0.5)
    """Not in Table 9."""

    def sample(self, random: np.random.Generator) -> Lights:
        number = int(random.integers(self.number[0], self.number[1], endpoint=True))
        directions = random.normal(size=(number, 3))
        directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
        directions[:, 2] = np.abs(directions[:, 2])  # upper half of the sphere
        intensities = random.uniform(*self.relative_intensity, number)
        total = random.uniform(*self.total_intensity) * _FULL / _UNITY_TOTAL
        return Lights(directions, total * intensities / intensities.sum(), float(random.uniform(*self.ambient)))
