"""How a scene looks, at random: Table 9's ranges, one unit a file, and the compiled scene that can look like that.

A look is what three cameras share in one moment. `model_fields` says it in MuJoCo's terms, so that every renderer that
reads a MuJoCo model can show it. What is done to finished images (normalization, contrast, noise) is vision.images.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from dactyl.simulation.appearance.cameras import CameraPoses, CameraRanges
from dactyl.simulation.appearance.lights import LightRanges, Lights
from dactyl.simulation.appearance.materials import MaterialRanges, Materials
from dactyl.simulation.appearance.studio import Studio

__all__ = ["Appearance", "Look", "model_fields"]


class Look(NamedTuple):
    """One draw of everything in Table 9 that concerns the scene."""

    cameras: CameraPoses
    materials: Materials
    lights: Lights


@dataclass(frozen=True)
class Appearance:
    """Ranges of the randomized appearance; the defaults are Table 9's."""

    cameras: CameraRanges = field(default_factory=CameraRanges)
    materials: MaterialRanges = field(default_factory=MaterialRanges)
    lights: LightRanges = field(default_factory=LightRanges)

    def sample(self, random: np.random.Generator) -> Look:
        """Draw a look."""
        return Look(self.cameras.sample(random), self.materials.sample(random), self.lights.sample(random))


def model_fields(studio: Studio, look: Look, crop: float) -> dict[str, np.ndarray]:
    """The fields of `studio.scene.model` that make it look like that, by their names.

    Args:
        studio: the scene, made to be looked at.
        look: what it shall look like.
        crop: side of the square in the middle of the picture that is rendered, as a share of its height.
    """
    return {
        **look.cameras.fields(studio.scene.model, crop),
        **look.materials.fields(studio),
        **look.lights.fields(studio.center),
    }
