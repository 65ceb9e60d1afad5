"""Where the object's middle and its faces are in each picture: a hint that training may give the towers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dactyl.maths import pinhole, quaternion
from dactyl.objects.object import Object
from dactyl.simulation.appearance import Look, model_fields
from dactyl.simulation.appearance.cameras import NUM_CAMERAS
from dactyl.simulation.appearance.studio import Studio

TURNED_TOWARDS = 0.15
"""Cosine from which a side is turned towards a camera."""
NOT_BEHIND = -0.4
"""Cosine from which a corner is not on an object's far side."""


class Keypoints(NamedTuple):
    """For n moments, three cameras and P points, see `hints`."""

    places: np.ndarray
    """(n, 3, P, 2) right and down, -1…1 across the picture; beyond where a point is out of it."""
    turned_towards: np.ndarray
    """(n, 3, P) bool: the side or corner faces the camera (and may be behind a finger); other points always count."""


def points_of(shape: Object) -> np.ndarray:
    """(K, 3) an object's middle and the middles of its sides, object frame, m."""
    return np.concatenate([np.zeros((1, 3)), shape.markers])


def with_corners(shape: Object) -> np.ndarray:
    """(K, 3) `points_of` an object, then its corners, object frame, m."""
    return np.concatenate([points_of(shape), shape.keypoints])


def hints(studio: Studio, qpos: np.ndarray, looks: Sequence[Look], crop: float) -> Keypoints:
    """Where the points are that towers are told to find: the object's, see `with_corners`, then the robot's landmarks.

    Args:
        studio: the scene.
        qpos: (n, nq), see `Scene`.
        looks: n of them.
        crop: side of the picture as a share of the camera image's height.
    """
    scene = studio.scene
    points = with_corners(scene.object)
    behind = np.full(len(points), NOT_BEHIND)
    behind[: len(points_of(scene.object))] = TURNED_TOWARDS
    marks = scene.hand_position + quaternion.rotate(scene.hand_quaternion, scene.robot.cameras.landmarks)
    seen = project(studio, qpos, looks, crop, points, behind, marks)
    inside = np.abs(seen.places[:, :, len(points) :]).max(-1) < 1.0
    return Keypoints(seen.places, np.concatenate([seen.turned_towards, inside], axis=2))


def project(
    studio: Studio, qpos: np.ndarray, looks: Sequence[Look], crop: float, points: np.ndarray | None = None,
    turned: np.ndarray | float = TURNED_TOWARDS, fixed: np.ndarray | None = None,
) -> Keypoints:  # fmt: skip
    """Points of the object, at first `points_of` it, in states (n, nq) as cameras with these looks see them.

    Args:
        studio: the scene.
        qpos: (n, nq), see `Scene`.
        looks: n of them.
        crop: side of the picture as a share of the camera image's height.
        points: (K, 3) object frame, m.
        turned: (K,) or one: cosine from which a point is turned towards a camera.
        fixed: (L, 3) points in the world, m, whose places come after the object's.
    """
    scene = studio.scene
    points = points_of(scene.object) if points is None else points
    fixed = np.zeros((0, 3)) if fixed is None else fixed
    places = np.empty((len(qpos), NUM_CAMERAS, len(points) + len(fixed), 2))
    towards = np.empty((len(qpos), NUM_CAMERAS, len(points)), bool)
    for i, (state, look) in enumerate(zip(qpos, looks, strict=True)):
        offsets = quaternion.rotate(np.tile(state[scene.object_orientation], (len(points), 1)), points)
        shown = np.concatenate([state[scene.object_position] + offsets, fixed])
        places[i], rays = _seen(studio, look, crop, shown)
        rays = rays[:, : len(points)]
        cosine = -(offsets * rays).sum(-1) / np.maximum(np.linalg.norm(offsets, axis=-1), 1e-9)
        towards[i] = cosine > turned * np.linalg.norm(rays, axis=-1)
        towards[i, :, 0] = True
    return Keypoints(places, towards)


def _seen(studio: Studio, look: Look, crop: float, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places (cameras, K, 2) in the pictures of points (K, 3) in the world, and the rays (cameras, K, 3) to them, m."""
    fields = model_fields(studio, look, crop)
    rays = points - fields["cam_pos"][:, None]
    seen = rays @ quaternion.to_matrix(fields["cam_quat"]) @ pinhole.OPTICAL
    places = [pinhole.across(of_one, fovy) for of_one, fovy in zip(seen, fields["cam_fovy"], strict=True)]
    return np.stack(places), rays
