"""Where the cameras are and how wide they see (Table 9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import mujoco
import numpy as np

from dactyl.maths import quaternion

NUM_CAMERAS = 3  # as in the paper, around every robot (appendix B.3)


class CameraPoses(NamedTuple):
    """Deviations of the three cameras from where they should be."""

    positions: np.ndarray
    """(3, 3) m, world frame."""
    rotations: np.ndarray
    """(3, 4) in the world frame, after the camera's own orientation."""
    fovy: np.ndarray
    """(3,) degrees, of the whole picture's height."""

    def fields(self, model: mujoco.MjModel, crop: float) -> dict[str, np.ndarray]:
        """The model's cameras, their field of view narrowed to the square that is cut out."""
        fovy = np.radians(model.cam_fovy + self.fovy)
        return {
            "cam_pos": model.cam_pos + self.positions,
            "cam_quat": quaternion.multiply(self.rotations, model.cam_quat),
            "cam_fovy": np.degrees(2.0 * np.arctan(crop * np.tan(fovy / 2.0))),
        }


@dataclass(frozen=True)
class CameraRanges:
    """Table 9: camera position, rotation, field of view."""

    position: float = 0.0015
    """m, to both sides, on each axis."""
    rotation: float = 3.0
    """degrees, from 0, about a random axis."""
    fovy: float = 1.0
    """degrees, to both sides."""

    def sample(self, random: np.random.Generator) -> CameraPoses:
        axes = random.normal(size=(NUM_CAMERAS, 3))
        axes /= np.linalg.norm(axes, axis=-1, keepdims=True)
        angles = np.radians(random.uniform(0.0, self.rotation, (NUM_CAMERAS, 1)))
        return CameraPoses(
            positions=random.uniform(-self.position, self.position, (NUM_CAMERAS, 3)),
            rotations=quaternion.from_rotation_vector(angles * axes),
            fovy=random.uniform(-self.fovy, self.fovy, NUM_CAMERAS),
        )
