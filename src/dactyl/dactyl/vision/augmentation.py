"""More poses of the object than the policy shows it in (appendix D.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dactyl.maths import quaternion
from dactyl.simulation.scene import Scene


@dataclass(frozen=True)
class PoseAugmentation:
    """20 % of the poses stay, 40 % are turned by 90° about one of the object's axes, 40 % are jittered."""

    turned: float = 0.4
    jittered: float = 0.4
    position_jitter: float = 0.01
    """m, standard deviation on each axis; the paper does not say."""
    rotation_jitter: float = 0.3
    """rad, standard deviation of the rotation vector on each axis; the paper does not say."""

    def apply(self, scene: Scene, qpos: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """A copy of states (n, nq) of a scene with the object elsewhere in some."""
        n = len(qpos)
        kind = random.uniform(size=n)
        axes = np.eye(3)[random.integers(3, size=n)]
        quarter_turns = random.integers(1, 4, size=(n, 1))
        turn = quaternion.from_rotation_vector(quarter_turns * np.pi / 2 * axes)
        shift = random.normal(scale=self.position_jitter, size=(n, 3))
        wobble = quaternion.from_rotation_vector(random.normal(scale=self.rotation_jitter, size=(n, 3)))
        turned, jittered = kind < self.turned, kind >= 1.0 - self.jittered
        augmented = np.array(qpos, dtype=np.float64)
        place, turning = scene.object_position, scene.object_orientation
        orientation = augmented[:, turning]
        augmented[turned, turning] = quaternion.multiply(orientation[turned], turn[turned])
        augmented[jittered, turning] = quaternion.multiply(wobble[jittered], orientation[jittered])
        augmented[jittered, place] += shift[jittered]
        return augmented
