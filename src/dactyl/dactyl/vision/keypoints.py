"""Where the object's middle and its faces are in each picture: a hint that training may give the towers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dactyl.maths import pinhole, quaternion
from dactyl.objects.shapes import BLOCK
from dactyl.simulation.appearance import Look, model_fields
from dactyl.simulation.appearance.cameras import NUM_CAMERAS
from dactyl.simulation.appearance.studio import Studio

POINTS = np.concatenate([np.zeros((1, 3)), BLOCK.markers])
"""(7, 3) the middle and the middles of the six sides, object frame, m."""
NUM_POINTS = len(POINTS)
_TURNED_TOWARDS = 0.15  # cosine from which a side is turned towards a camera


class Keypoints(NamedTuple):
    """For n moments and three cameras."""

    places: np.ndarray
    """(n, 3, 7, 2) right and down, -1…1 across the picture; beyond where a point is out of it."""
    turned_towards: np.ndarray
    """(n, 3, 7) bool: the side faces the camera (and may be behind a finger); the middle always counts."""


def project(studio: Studio, qpos: np.ndarray, looks: Sequence[Look], crop: float) -> Keypoints:
    """Keypoints of states (n, 31) as cameras with these looks see them."""
    places = np.empty((len(qpos), NUM_CAMERAS, NUM_POINTS, 2))
    towards = np.empty((len(qpos), NUM_CAMERAS, NUM_POINTS), bool)
    for i, (state, look) in enumerate(zip(qpos, looks, strict=True)):
        fields = model_fields(studio, look, crop)
        orientation = np.tile(state[27:31], (NUM_POINTS, 1))
        offsets = quaternion.rotate(orientation, POINTS)
        rotations = quaternion.to_matrix(fields["cam_quat"])
        for camera in range(NUM_CAMERAS):
            rays = state[24:27] + offsets - fields["cam_pos"][camera]
            seen = rays @ rotations[camera] @ pinhole.OPTICAL
            places[i, camera] = pinhole.across(seen, fields["cam_fovy"][camera])
            cosine = -(offsets * rays).sum(1) / np.maximum(np.linalg.norm(offsets, axis=1), 1e-9)
            towards[i, camera] = cosine > _TURNED_TOWARDS * np.linalg.norm(rays, axis=1)
            towards[i, camera, 0] = True
    return Keypoints(places, towards)
