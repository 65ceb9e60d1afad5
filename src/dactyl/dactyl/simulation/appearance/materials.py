"""Colours and surfaces of robot, object and background (Table 9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from dactyl.simulation.appearance.studio import Studio

# What Unity calls metallic and glossiness has no equal in MuJoCo's shading: the one becomes how much a surface mirrors
# lights, the other how sharply.
_SPECULAR_OF_METALLIC = 2.0


class Surface(NamedTuple):
    """How a material reflects light."""

    metallic: float
    glossiness: float
    """Both 0 to 1, Unity's."""

    @property
    def specular(self) -> float:
        return _SPECULAR_OF_METALLIC * self.metallic

    @property
    def shininess(self) -> float:
        return self.glossiness


class Materials(NamedTuple):
    """One draw of all materials."""

    robot_rgb: np.ndarray
    """(3,) 0 to 1"""
    robot: Surface
    palette: float
    """Which of the studio's palettes the object has: 0 is the first, 1 beyond the last."""
    object: Surface
    background: float
    """Brightness of the white cloth."""

    def fields(self, studio: Studio) -> dict[str, np.ndarray]:
        model, names = studio.scene.model, studio.names
        rgba, specular, shininess = model.mat_rgba.copy(), model.mat_specular.copy(), model.mat_shininess.copy()
        rgba[names.robot, :3] = self.robot_rgb
        rgba[names.background, :3] = self.background
        palettes = names.palettes
        for ids, surface in ((names.robot, self.robot), (palettes, self.object)):
            specular[ids], shininess[ids] = surface.specular, surface.shininess
        materials = model.geom_matid.copy()
        materials[studio.object_geom] = palettes[int(self.palette * len(palettes))]
        return {"mat_rgba": rgba, "mat_specular": specular, "mat_shininess": shininess, "geom_matid": materials}


@dataclass(frozen=True)
class MaterialRanges:
    """Table 9: materials. The robot's colour is anything in RGB, the object's is near what was calibrated."""

    robot_metallic: tuple[float, float] = (0.05, 0.25)
    robot_glossiness: tuple[float, float] = (0.0, 1.0)
    object_metallic: tuple[float, float] = (0.05, 0.15)
    object_glossiness: tuple[float, float] = (0.05, 0.15)
    background: tuple[float, float] = (0.8, 1.0)
    """Not in Table 9."""

    def sample(self, random: np.random.Generator) -> Materials:
        return Materials(
            robot_rgb=random.uniform(0.0, 1.0, 3),
            robot=Surface(random.uniform(*self.robot_metallic), random.uniform(*self.robot_glossiness)),
            palette=random.uniform(0.0, 1.0),
            object=Surface(random.uniform(*self.object_metallic), random.uniform(*self.object_glossiness)),
            background=random.uniform(*self.background),
        )


@dataclass(frozen=True)
class ObjectColourRanges:
    """Table 9: how far each face's colour is from the calibrated one; shares of the whole range, to both sides."""

    hue: float = 0.01
    saturation: float = 0.15
    value: float = 0.15

    def recolour(self, texture: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """A cube texture, (6 side, side, 3) uint8 RGB, with each of the six faces' colours shifted a little."""
        faces = texture.reshape(6, -1, 1, 3).astype(np.float32) / 255.0
        recoloured = []
        for face in faces:
            hsv = cv2.cvtColor(face, cv2.COLOR_RGB2HSV)  # hue 0 to 360, the others 0 to 1
            hue, saturation, value = (
                random.uniform(-limit, limit) for limit in (self.hue, self.saturation, self.value)
            )
            hsv[..., 0] = (hsv[..., 0] + 360.0 * hue) % 360.0
            coloured = hsv[..., 1] > 0.1  # the letters stay white
            hsv[..., 1] = np.clip(hsv[..., 1] + np.where(coloured, saturation, 0.0), 0.0, 1.0)
            hsv[..., 2] = np.clip(hsv[..., 2] + value, 0.0, 1.0)
            recoloured.append(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB))
        return np.rint(255.0 * np.stack(recoloured)).astype(np.uint8).reshape(texture.shape)
