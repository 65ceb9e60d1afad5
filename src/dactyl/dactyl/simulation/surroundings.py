"""What is around every robot: a white laboratory, a floor that catches dropped objects, lights, the cameras."""

from __future__ import annotations

from math import cos, sin

import mujoco
import numpy as np

from dactyl.robot.robot import Cameras

_WHITE = [1.0, 1.0, 1.0]
_LIGHTS = ((-0.6, -0.4), (0.6, -0.4), (0.0, 0.8))  # m beside the workspace; all 1 m above it
_FLOOR = "floor"
_DRAWN = 10.0
"""m of the floor that is drawn to either side, and of each square of its grid."""


def add_surroundings(spec: mujoco.MjSpec, cameras: Cameras, workspace: np.ndarray, looked_at: np.ndarray) -> None:
    """Add everything that is neither robot nor object.

    Args:
        spec: to add to.
        cameras: that look at the workspace.
        workspace: (3,) where an object rests, in the world, m: the lights are above it.
        looked_at: (3,) the middle of the cameras' pictures, in the world, m.
    """
    spec.add_texture(
        name="sky", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX, builtin=mujoco.mjtBuiltin.mjBUILTIN_FLAT,
        rgb1=_WHITE, rgb2=_WHITE, width=8, height=48,
    )  # fmt: skip
    spec.add_material(name=_FLOOR, rgba=[1.0, 1.0, 1.0, 1.0], emission=0.55, specular=0.0)
    spec.worldbody.add_geom(
        name=_FLOOR, type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0.0, 0.0, 1.0], material=_FLOOR,
        contype=1, conaffinity=0,
    )  # fmt: skip
    spec.visual.headlight.ambient[:] = 0.35
    spec.visual.headlight.diffuse[:] = 0.2
    spec.visual.headlight.specular[:] = 0.1
    spec.visual.quality.shadowsize = 1024
    spec.visual.global_.offwidth, spec.visual.global_.offheight = 1920, 1080
    for i, (x, y) in enumerate(_LIGHTS):
        offset = np.array([x, y, 1.0])
        spec.worldbody.add_light(
            name=f"light_{i}", pos=workspace + offset, dir=-offset / np.linalg.norm(offset),
            diffuse=[0.28] * 3, specular=[0.15] * 3, castshadow=i == 0,
        )  # fmt: skip
    for name, (azimuth, elevation) in cameras.places.items():
        a, e = np.radians([azimuth, elevation])
        away = np.array([sin(a) * cos(e), -cos(a) * cos(e), sin(e)])
        right = np.cross([0.0, 0.0, 1.0], away)
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(away, right), away], axis=1)
        quaternion = np.empty(4)
        mujoco.mju_mat2Quat(quaternion, rotation.ravel())
        spec.worldbody.add_camera(
            name=name, pos=looked_at + cameras.distance * away, quat=quaternion, fovy=cameras.fovy,
            resolution=[640, 480],
        )  # fmt: skip


def draw_less_floor(model: mujoco.MjModel) -> None:
    """Let the floor of a compiled scene be drawn up to 10 m away: an endless one takes half the time of a picture.

    That is so without a GPU. Bodies still meet an endless floor. One of that size in the specification would change
    the scene's extent, by which MuJoCo places near plane and free camera.
    """
    model.geom(_FLOOR).size[:] = _DRAWN
