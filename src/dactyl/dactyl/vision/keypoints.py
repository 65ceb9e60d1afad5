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


class Keypoints(NamedTuple):
    """For n moments, three cameras and K points: the object's middle and the middles of its sides."""

    places: np.ndarray
    """(n, 3, K, 2) right and down, -1…1 across the picture; beyond where a point is out of it."""
    turned_towards: np.ndarray
    """(n, 3, K) bool: the side faces the camera (and may be behind a finger); the first point always counts."""


def points_of(shape: Object) -> np.ndarray:
    """(K, 3) an object's middle and the middles of its sides, object frame, m."""
    return np.concatenate([np.zeros((1, 3)), shape.markers])


def project(
    studio: Studio, qpos: np.ndarray, looks: Sequence[Look], crop: float, points: np.ndarray | None = None
) -> Keypoints:
    """Points of the object, at first `points_of` it, in states (n, nq) as cameras with these looks see them.

    Args:
        studio: the scene.
        qpos: (n, nq), see `Scene`.
        looks: n of them.
        crop: side of the picture as a share of the camera image's height.
        points: (K, 3) object frame, m.
    """
    scene = studio.scene
    points = points_of(scene.object) if points is None else points
    places = np.empty((len(qpos), NUM_CAMERAS, len(points), 2))
    towards = np.empty((len(qpos), NUM_CAMERAS, len(points)), bool)
    for i, (state, look) in enumerate(zip(qpos, looks, strict=True)):
        fields = model_fields(studio, look, crop)
        offsets = quaternion.rotate(np.tile(state[scene.object_orientation], (len(points), 1)), points)
        rotations = quaternion.to_matrix(fields["cam_quat"])
        for camera in range(NUM_CAMERAS):
            rays = state[scene.object_position] + offsets - fields["cam_pos"][camera]
            seen = rays @ rotations[camera] @ pinhole.OPTICAL
            places[i, camera] = pinhole.across(seen, fields["cam_fovy"][camera])
            cosine = -(offsets * rays).sum(1) / np.maximum(np.linalg.norm(offsets, axis=1), 1e-9)
            towards[i, camera] = cosine > TURNED_TOWARDS * np.linalg.norm(rays, axis=1)
            towards[i, camera, 0] = True
    return Keypoints(places, towards)
