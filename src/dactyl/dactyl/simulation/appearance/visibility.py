"""How much of the object each camera sees past the hand."""

from __future__ import annotations

import copy

import mujoco
import numpy as np

from dactyl.simulation.appearance.cameras import NUM_CAMERAS
from dactyl.simulation.appearance.studio import Studio

_SIZE = 96  # pixels of a side; an object covers some hundred of them


def visible_shares(studio: Studio, qpos: np.ndarray) -> np.ndarray:
    """For states (n, nq) the share (n, 3) of the object's outline that each camera sees; 0 where it is out of view."""
    model = copy.copy(studio.scene.model)
    data = mujoco.MjData(model)
    model.vis.global_.offwidth = model.vis.global_.offheight = _SIZE
    model.vis.quality.offsamples = 0
    alone = mujoco.MjvOption()
    alone.geomgroup[studio.scene.visual_group] = 0
    shares = np.empty((len(qpos), NUM_CAMERAS))
    with mujoco.Renderer(model, _SIZE, _SIZE) as renderer:
        renderer.enable_segmentation_rendering()

        def pixels(camera: int, options: mujoco.MjvOption) -> int:
            renderer.update_scene(data, camera, options)
            return int((renderer.render()[..., 0] == studio.object_geom).sum())

        for row, state in zip(shares, qpos, strict=True):
            data.qpos[:] = state
            mujoco.mj_kinematics(model, data)
            mujoco.mj_camlight(model, data)
            for camera in range(NUM_CAMERAS):
                row[camera] = pixels(camera, mujoco.MjvOption()) / max(pixels(camera, alone), 1)
    return shares
