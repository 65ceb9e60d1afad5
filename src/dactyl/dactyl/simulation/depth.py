"""Depth images of many environments, by rays against what is felt of a scene: no OpenGL, and pixels know their geom.

Rays meet boxes and capsules, not the meshes that are seen: these are as large and many times faster.
"""

from __future__ import annotations

from math import radians, tan

import numpy as np
from mujoco.batch import Batch

from dactyl.robot.robot import Eye
from dactyl.simulation.scene import Scene

_GROUPS = (1, 0, 0, 1, 0, 0)
"""Of geoms: the object, the floor and the like; and the primitives of the robot, see `RobotModel`."""


def directions(eye: Eye, width: float = 0.0) -> np.ndarray:
    """Each pixel's ray (height · width, 3), optical frame (z ahead), as long as its depth is 1, row by row.

    Args:
        eye: whose pixels.
        width: rad that the vertical field of view is wider than it should be.
    """
    half = tan(radians(eye.fovy) / 2 + width / 2)
    rows = half * (2.0 * (np.arange(eye.height) + 0.5) / eye.height - 1.0)
    columns = half * eye.width / eye.height * (2.0 * (np.arange(eye.width) + 0.5) / eye.width - 1.0)
    y, x = np.meshgrid(rows, columns, indexing="ij")
    return np.stack([x.ravel(), y.ravel(), np.ones(x.size)], axis=1)


class DepthCamera:
    """What an eye sees in N environments."""

    def __init__(self, scene: Scene, eye: Eye, num_envs: int, threads: int = 0) -> None:
        """`threads`: on the CPU, 0 for all cores."""
        self._scene, self._eye, self._batch = scene, eye, Batch(scene.model, num_envs, threads)
        self._qpos = self._batch.bind("qpos")
        self._sizes, self._bounds = self._batch.expand("geom_size"), self._batch.expand("geom_rbound")
        geom = scene.object_geom
        self._size, self._bound = scene.model.geom_size[geom].copy(), float(scene.model.geom_rbound[geom])

    def images(self, qpos: np.ndarray, object_size: np.ndarray, origins: np.ndarray, rays: np.ndarray) -> np.ndarray:
        """Depth of the object alone, (N, 1, height, width) float32, m; 0 where something else is seen; see `see`."""
        depth, is_object = self.see(qpos, object_size, origins, rays)
        return np.where(is_object, depth, np.float32(0.0))

    def see(
        self, qpos: np.ndarray, object_size: np.ndarray, origins: np.ndarray, rays: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Depth of what is nearest, float32, m, 0 where nothing is in reach; and whether that is the object, bool.

        Args:
            qpos: (N, nq) states.
            object_size: (N,) factor on the object's dimensions.
            origins: (N, 3) of the camera, world frame, m.
            rays: (N, height · width, 3) world frame, as long as their depth is 1.

        Returns:
            Both (N, 1, height, width).
        """
        geom, eye = self._scene.object_geom, self._eye
        self._qpos[:] = qpos
        self._sizes[:, geom] = self._size * object_size[:, None]
        self._bounds[:, geom] = self._bound * object_size
        lengths = np.linalg.norm(rays, axis=-1)
        found, met = self._batch.ray(origins[:, None], rays / lengths[..., None], _GROUPS)
        depth = found / lengths
        seen = (depth > 0.0) & (depth < eye.reach)
        shape = (len(qpos), *eye.shape)
        depth = np.where(seen, depth, 0.0).reshape(shape).astype(np.float32)
        return depth, (seen & (met == geom)).reshape(shape)
