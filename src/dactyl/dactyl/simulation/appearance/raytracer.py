"""Pictures of a randomized scene with MJWarp's ray tracer: fast on a GPU; on a CPU what nothing is trained on."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import mujoco_warp as mjw
import numpy as np
import warp as wp

from dactyl.simulation.appearance import Look, model_fields
from dactyl.simulation.appearance.cameras import NUM_CAMERAS
from dactyl.simulation.appearance.studio import Studio

SAMPLES = 2  # rays along each axis of a pixel; they are averaged here, for MJWarp only does it for fixed cameras
WORLDS = {"cpu": 1, "cuda": 512}  # rendered at a time; more on a CPU are not faster, and those left over cost as much
_FIELDS = (
    "cam_pos", "cam_quat", "cam_fovy", "mat_rgba", "mat_specular", "mat_shininess", "geom_matid",
    "light_pos", "light_dir", "light_diffuse", "light_specular", "light_ambient",
)  # fmt: skip


class RayTracer:
    """Renders what the three cameras see."""

    def __init__(self, studio: Studio, size: int, crop: float, device: str = "cpu", *, shadows: bool = False) -> None:
        """Put the scene on a device.

        Args:
            studio: the scene.
            size: pixels of a side of the square pictures.
            crop: see `model_fields`.
            device: cpu, cuda or cuda:N.
            shadows: of every light, half dark as in a bright room.
        """
        self._studio, self._size, self._crop, self._device = studio, size, crop, device
        self._worlds = WORLDS[device.partition(":")[0]]
        model = copy.copy(studio.scene.model)
        if shadows:
            model.light_castshadow[:] = True
        wp.config.log_level = wp.LOG_WARNING
        fine = SAMPLES * size
        with wp.ScopedDevice(device):
            self._model = mjw.put_model(model, batch_sizes=dict.fromkeys(_FIELDS, self._worlds))
            self._data = mjw.make_data(model, self._worlds)
            self._context = mjw.create_render_context(
                model, nworld=self._worlds, cam_res=(fine, fine), render_rgb=True, use_shadows=shadows,
                render_skybox=True, use_precomputed_rays=False,
            )  # fmt: skip
            self._picture = wp.empty((self._worlds, fine, fine), dtype=wp.vec3)

    def render(self, qpos: np.ndarray, looks: Sequence[Look]) -> np.ndarray:
        """States (n, nq) and n looks -> (n, 3, size, size, 3) uint8 RGB."""
        parts = [
            self._render(qpos[start : start + self._worlds], looks[start : start + self._worlds])
            for start in range(0, len(qpos), self._worlds)
        ]
        return np.concatenate(parts)

    def _render(self, qpos: np.ndarray, looks: Sequence[Look]) -> np.ndarray:
        """One batch of at most as many worlds as there are; those left over repeat the last one."""
        rows = np.minimum(np.arange(self._worlds), len(qpos) - 1)
        varied = [model_fields(self._studio, look, self._crop) for look in looks]
        pictures = np.empty((self._worlds, NUM_CAMERAS, self._size, self._size, 3), np.uint8)
        with wp.ScopedDevice(self._device):
            for name in _FIELDS:
                self._assign(getattr(self._model, name), np.stack([varied[row][name] for row in rows]))
            self._assign(self._data.qpos, qpos[rows])
            mjw.kinematics(self._model, self._data)
            mjw.com_pos(self._model, self._data)
            mjw.camlight(self._model, self._data)
            mjw.refit_bvh(self._model, self._data, self._context)
            mjw.render(self._model, self._data, self._context)
            for camera in range(NUM_CAMERAS):
                mjw.get_rgb(self._context, camera, self._picture)
                fine = self._picture.numpy().reshape(self._worlds, self._size, SAMPLES, self._size, SAMPLES, 3)
                pictures[:, camera] = np.rint(255.0 * fine.mean((2, 4)).clip(0.0, 1.0))
        return pictures[: len(qpos)]

    @staticmethod
    def _assign(array: wp.array, values: np.ndarray) -> None:
        dtype = np.int32 if array.dtype is wp.int32 else np.float32
        array.assign(np.ascontiguousarray(values, dtype))

    def close(self) -> None:
        """Nothing to close: the device's memory goes with the object."""
