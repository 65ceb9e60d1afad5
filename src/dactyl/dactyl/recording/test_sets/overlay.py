"""Draws an object's pose into the pictures that cameras took of it."""

from __future__ import annotations

import cv2
import mujoco
import numpy as np

from dactyl import objects
from dactyl.maths import pinhole, quaternion
from dactyl.recording.test_sets.dataset import Camera
from dactyl.simulation.scene import Scene

_AXIS_COLOURS = ((235, 64, 64), (64, 200, 64), (72, 120, 255))  # x y z, RGB
_NEAR = 0.02  # m


def nominal_cameras(scene: Scene, width: int = 640, height: int = 480) -> tuple[Camera, ...]:
    """The three cameras where the scene puts them, for pictures of that size."""
    data = mujoco.MjData(scene.model)
    mujoco.mj_kinematics(scene.model, data)
    mujoco.mj_camlight(scene.model, data)
    k = tuple(pinhole.camera_matrix(scene.robot.cameras.fovy, width, height).ravel().tolist())
    cameras = []
    for name in scene.robot.cameras.places:
        position = quaternion.rotate_inverse(scene.hand_quaternion, data.camera(name).xpos - scene.hand_position)
        in_world = np.empty(4)
        mujoco.mju_mat2Quat(in_world, (data.camera(name).xmat.reshape(3, 3) @ pinhole.OPTICAL).ravel())
        rotation = quaternion.multiply(quaternion.conjugate(scene.hand_quaternion), in_world)
        cameras.append(Camera(name, width, height, k, (0.0,) * 5, position=tuple(position), quaternion=tuple(rotation)))
    return tuple(cameras)


def project(camera: Camera, points: np.ndarray) -> np.ndarray:
    """Pixels of (N, 3) hand-frame points, (N, 2); NaN for those behind the camera. Without lens distortion."""
    if camera.position is None or camera.quaternion is None:
        return np.full((len(points), 2), np.nan)
    rotation = np.broadcast_to(np.array(camera.quaternion), (len(points), 4))
    seen = quaternion.rotate_inverse(rotation, points - np.array(camera.position))
    return pinhole.project(seen, np.reshape(camera.k, (3, 3)), _NEAR)


def draw(
    image: np.ndarray,
    camera: Camera,
    position: np.ndarray,
    orientation: np.ndarray,
    object: str,
    colour: tuple[int, int, int] = (0, 255, 255),
) -> None:
    """Draw an object's edges and axes into a picture.

    Args:
        image: (height, width, 3) uint8 RGB; may be smaller than the camera's, in the same proportion.
        camera: that took it.
        position: (3,) m, hand frame.
        orientation: (4,) (w, x, y, z).
        object: its name.
        colour: of the edges, RGB.
    """
    shape = objects.load(object)
    axes = np.concatenate([np.zeros((3, 1, 3)), 1.4 * shape.half_size * np.eye(3)[:, None]], axis=1)
    lines = np.concatenate([shape.wireframe, axes])
    rotation = np.broadcast_to(orientation, (2 * len(lines), 4))
    pixels = project(camera, quaternion.rotate(rotation, lines.reshape(-1, 3)) + position).reshape(-1, 2, 2)
    pixels *= image.shape[1] / camera.width
    colours = [colour] * (len(lines) - 3) + list(_AXIS_COLOURS)
    for (start, end), shade in zip(pixels, colours, strict=True):
        if np.isfinite([start, end]).all() and np.abs([start, end]).max() < 1e5:
            thickness = 1 if shade is colour else 2
            cv2.line(image, _fixed(start), _fixed(end), shade, thickness, cv2.LINE_AA, 4)


def _fixed(pixel: np.ndarray) -> tuple[int, int]:
    """Sixteenths of a pixel, which is what cv2's `shift` of 4 means."""
    return round(16 * float(pixel[0])), round(16 * float(pixel[1]))
