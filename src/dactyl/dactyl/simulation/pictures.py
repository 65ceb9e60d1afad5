"""Picture files of the scene as its cameras see it: what emulated cameras play, and what documents show."""

from __future__ import annotations

from pathlib import Path

import cv2
import mujoco
import numpy as np

from dactyl.maths import quaternion
from dactyl.simulation.rendering import SceneRenderer
from dactyl.simulation.scene import SceneConfig, build


def render_pictures(folder: Path, robot: str, object: str, number: int, seed: int) -> None:
    """Write folder/camera_0/00.png, … for each camera: the object where it rests, in random orientations.

    Args:
        folder: to write to; made if it does not exist.
        robot: one of `robot.names()`.
        object: one of `objects.names()`.
        number: of pictures from each camera.
        seed: of the orientations.

    Raises:
        DactylError: no OpenGL is to be had, or there is no such robot or object.
    """
    scene = build(SceneConfig(robot=robot, object=object))
    random = np.random.default_rng(seed)
    qpos = mujoco.MjData(scene.model).qpos.copy()
    cameras = scene.robot.cameras.places
    for camera in cameras:
        (folder / camera).mkdir(parents=True, exist_ok=True)
    with SceneRenderer(scene) as renderer:
        for i in range(number):
            qpos[scene.object_orientation] = quaternion.uniform(random.standard_normal(4))
            for camera in cameras:
                picture = renderer.render(qpos, camera)
                cv2.imwrite(str(folder / camera / f"{i:02d}.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


def render_placement(path: Path) -> None:
    """Write the picture of docs/hardware.md: where the cameras stand, where the markers are, what the cameras see.

    Raises:
        DactylError: no OpenGL is to be had.
    """
    scene = build()
    model = scene.model
    model.vis.scale.camera = 0.25
    model.vis.rgba.camera = (0.1, 0.3, 0.8, 1.0)
    qpos = mujoco.MjData(model).qpos.copy()
    palm = model.body_pos[scene.object_body]
    around = _camera(palm + np.array([0.0, 0.05, 0.12]), distance=1.05, azimuth=125.0, elevation=-28.0)
    close = _camera(palm + np.array([0.0, 0.06, -0.01]), distance=0.42, azimuth=150.0, elevation=-48.0)
    with SceneRenderer(scene, 720, 540, fine=True) as renderer:
        far = renderer.render(qpos, around, cameras=True)
        near = renderer.render(qpos, close, markers=True)
        views = [cv2.resize(renderer.render(qpos, name), (480, 360)) for name in scene.robot.cameras.places]
    picture = np.vstack([np.hstack([far, near]), np.hstack(views)])
    cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


def _camera(lookat: np.ndarray, distance: float, azimuth: float, elevation: float) -> mujoco.MjvCamera:
    camera = mujoco.MjvCamera()
    camera.lookat[:] = lookat
    camera.distance, camera.azimuth, camera.elevation = distance, azimuth, elevation
    return camera
