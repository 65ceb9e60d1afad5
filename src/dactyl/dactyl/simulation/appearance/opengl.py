"""Pictures of a randomized scene with MuJoCo's OpenGL renderer: what the pose estimator is trained on."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence

import cv2
import mujoco
import numpy as np

from dactyl.errors import DactylError
from dactyl.simulation.appearance import Look, model_fields
from dactyl.simulation.appearance.cameras import NUM_CAMERAS
from dactyl.simulation.appearance.studio import Studio

SUPERSAMPLING = 2  # rendered pixels along each axis of a pixel; smoother and cheaper than OpenGL's own in software


class OpenGLRenderer:
    """Renders what the three cameras see. An OpenGL context belongs to a thread: make, use and close it in the same."""

    def __init__(self, studio: Studio, size: int, crop: float) -> None:
        """Open a context.

        Args:
            studio: the scene.
            size: pixels of a side of the square pictures.
            crop: see `model_fields`.

        Raises:
            DactylError: no OpenGL is to be had.
        """
        self._studio, self._size, self._crop = studio, size, crop
        self._model = model = copy.copy(studio.scene.model)
        self._data = mujoco.MjData(model)
        side = SUPERSAMPLING * size
        model.vis.quality.offsamples = 0
        model.vis.global_.offwidth = model.vis.global_.offheight = side
        try:
            self._renderer = mujoco.Renderer(model, side, side)
        except (mujoco.FatalError, RuntimeError, ImportError, AttributeError) as error:
            backend = os.environ.get("MUJOCO_GL", "unset")
            raise DactylError(f"cannot render: no OpenGL context with MUJOCO_GL={backend} ({error})") from error
        self._renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = False

    def render(self, qpos: np.ndarray, looks: Sequence[Look]) -> np.ndarray:
        """Pictures.

        Args:
            qpos: (n, nq) states, see `Scene`.
            looks: n of them.

        Returns:
            (n, 3, size, size, 3) uint8 RGB.
        """
        pictures = np.empty((len(qpos), NUM_CAMERAS, self._size, self._size, 3), np.uint8)
        for row, state, look in zip(pictures, qpos, looks, strict=True):
            for name, values in model_fields(self._studio, look, self._crop).items():
                getattr(self._model, name)[:] = values
            self._data.qpos[:] = state
            mujoco.mj_kinematics(self._model, self._data)
            mujoco.mj_camlight(self._model, self._data)
            for camera in range(NUM_CAMERAS):
                self._renderer.update_scene(self._data, camera)
                fine = self._renderer.render()
                row[camera] = cv2.resize(fine, (self._size, self._size), interpolation=cv2.INTER_AREA)
        return pictures

    def close(self) -> None:
        self._renderer.close()

    def __enter__(self) -> OpenGLRenderer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
