"""Whether each camera sees the object where the answer, which is made of all of them, says that it is.

A network trained with the keypoint hint finds the object's middle and its sides in each picture by itself, before the
cameras are put together. A picture of another moment, or of a covered lens, does not fit the answer. That costs a few
small products, for the towers have run already.

Cameras are taken to be affine: a point's place in a picture is linear in the point. The object is small beside its
distance, and what that leaves out is less than what the cameras' random places do.
"""

from __future__ import annotations

import numpy as np

from dactyl.maths import quaternion
from dactyl.vision.keypoints import TURNED_TOWARDS

MIDDLE, SIDES = 0, 1
"""Columns of `residuals`: how far off the middle is, and how far off the sides are, seen from the middle found."""


def placed(position: np.ndarray, orientation: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (K, 3) of an object in the robot frame, (n, K, 3), m, for its poses (n, 3) and (n, 4)."""
    return np.asarray(position[:, None] + quaternion.rotate(orientation[:, None], points))


def predicted(cameras: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Where affine cameras (C, 2, 4) see points (n, K, 3): (n, C, K, 2), -1…1 across the picture."""
    return np.asarray(np.einsum("cij,nkj->ncki", cameras[..., :3], points) + cameras[:, None, :, 3])


def turned_towards(cameras: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Which of points (n, K, 3), the first of them the middle, face affine cameras (C, 2, 4): (n, C, K) bool."""
    ahead = np.cross(cameras[:, 0, :3], cameras[:, 1, :3])  # right × down
    ahead = ahead / np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-12)
    arms = points - points[:, :1]
    arms = arms / np.maximum(np.linalg.norm(arms, axis=2, keepdims=True), 1e-12)
    towards = -np.einsum("cj,nkj->nck", ahead, arms) > TURNED_TOWARDS
    towards[:, :, 0] = True
    return np.asarray(towards)


def fit_cameras(found: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The affine cameras (C, 2, 4) that explain best where towers found points.

    Args:
        found: (n, C, K, 2) places, -1…1 across the picture.
        points: (n, K, 3) true ones, robot frame, m, the first of them the middle.
    """
    everywhere = np.zeros(found.shape[:3], bool)
    everywhere[:, :, 0] = True
    first = _least_squares(found, points, everywhere)  # the middle is always counted, and says where cameras look from
    return _least_squares(found, points, turned_towards(first, points))


def _least_squares(found: np.ndarray, points: np.ndarray, counted: np.ndarray) -> np.ndarray:
    homogeneous = np.concatenate([points, np.ones((*points.shape[:2], 1))], axis=2)
    cameras = [
        np.linalg.lstsq(homogeneous[counted[:, c]], found[:, c][counted[:, c]], rcond=None)[0].T
        for c in range(found.shape[1])
    ]
    return np.stack(cameras)


def explained(found: np.ndarray, points: np.ndarray, cameras: np.ndarray) -> np.ndarray:
    """(C,) share that affine cameras explain of how far sides are found, seen from the middle, from where each is found
    on average.

    Of a tower that was not trained to find them they explain nothing, however the camera is turned: neither where it
    finds chance, nor where it always finds the same.
    """
    expected = predicted(cameras, points)
    counted = turned_towards(cameras, points)[:, :, 1:, None]
    seen, wanted = (places[:, :, 1:] - places[:, :, :1] for places in (found, expected))
    usual = (counted * seen).sum(0) / np.maximum(counted.sum(0), 1)
    left, total = ((counted * values**2).sum((0, 2, 3)) for values in (seen - wanted, seen - usual))
    return np.asarray(1.0 - left / np.maximum(total, 1e-12))


def residuals(found: np.ndarray, points: np.ndarray, cameras: np.ndarray) -> np.ndarray:
    """How far what towers found is from an answer, (n, C, 2) half pictures: MIDDLE and SIDES.

    A camera that is turned a little shifts its whole picture: so sides are compared from the middle that was found.

    Args:
        found: (n, C, K, 2)
        points: (n, K, 3) of the answer, see `placed`.
        cameras: (C, 2, 4)
    """
    difference = found - predicted(cameras, points)
    middle = np.linalg.norm(difference[:, :, 0], axis=2)
    sides = np.linalg.norm(difference[:, :, 1:] - difference[:, :, :1], axis=3)
    counted = turned_towards(cameras, points)[:, :, 1:]
    mean = (sides * counted).sum(2) / np.maximum(counted.sum(2), 1)
    return np.stack([middle, mean], axis=2)
