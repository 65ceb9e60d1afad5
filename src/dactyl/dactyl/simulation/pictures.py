"""Picture files of the scene as its cameras see it: what emulated cameras play, and what documents show."""

from __future__ import annotations

from pathlib import Path

import cv2
import mujoco
import numpy as np

from dactyl import quaternion
from dactyl.simulation.rendering import SceneRenderer
from dactyl.simulation.scene import CAMERAS, SceneConfig, build

_ORIENTATION = slice(-4, None)


def render_pictures(folder: Path, object: str, number: int, seed: int) -> None:
    """Write folder/camera_0/00.png, … for each camera: the object on the open hand, in random orientations.

    Args:
        folder: to write to; made if it does not exist.
        object: one of simulation.objects.OBJECTS.
        number: of pictures from each camera.
        seed: of the orientations.

    Raises:
        DactylError: no OpenGL is to be had, or there is no such object.
    """
    scene = build(SceneConfig(object=object))
    random = np.random.default_rng(seed)
    qpos = mujoco.MjData(scene.model).qpos.copy()
    for camera in CAMERAS:
        (folder / camera).mkdir(parents=True, exist_ok=True)
    with SceneRenderer(scene) as renderer:
        for i in range(number):
            qpos[_ORIENTATION] = quaternion.uniform(random.standard_normal(4))
            for camera in CAMERAS:
                picture = renderer.render(qpos, camera)
                cv2.imwrite(str(folder / camera / f"{i:02d}.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
