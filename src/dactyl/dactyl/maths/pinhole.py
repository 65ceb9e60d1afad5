"""The ideal camera: no lens distortion, square pixels, the optical axis through the middle of the picture.

Points are in the camera's optical frame: x right, y down, z ahead. The middle of the first pixel is (0, 0), so the
middle of a picture is ((width - 1) / 2, (height - 1) / 2).
"""

from __future__ import annotations

from math import radians, tan

import numpy as np

OPTICAL = np.diag([1.0, -1.0, -1.0])
"""(3, 3) from MuJoCo's camera frame, which looks along -z with y up, to the optical one, and back."""


def camera_matrix(fovy: float, width: int, height: int) -> np.ndarray:
    """K (3, 3), in pixels, of a camera with a vertical field of view in degrees."""
    focal = 0.5 * height / tan(radians(fovy) / 2)
    return np.array([[focal, 0.0, (width - 1) / 2], [0.0, focal, (height - 1) / 2], [0.0, 0.0, 1.0]])


def project(points: np.ndarray, matrix: np.ndarray, near: float = 0.0) -> np.ndarray:
    """Pixels (..., 2), column and row, of points (..., 3); NaN for those not further ahead than `near` (m).

    Args:
        points: m, optical frame.
        matrix: (3, 3), see `camera_matrix`.
        near: m.
    """
    depth = np.where(points[..., 2] > near, points[..., 2], np.nan)[..., None]
    focal, centre = matrix[[0, 1], [0, 1]], matrix[:2, 2]
    return np.asarray(focal * points[..., :2] / depth + centre)


def unproject(pixels: np.ndarray, depth: np.ndarray | float, matrix: np.ndarray) -> np.ndarray:
    """The inverse of `project`: points (..., 3), m, optical frame; NaN where pixel or depth is.

    Args:
        pixels: (..., 2) column and row.
        depth: (...,) m along the optical axis.
        matrix: (3, 3), see `camera_matrix`.
    """
    rays = (pixels - matrix[:2, 2]) / matrix[[0, 1], [0, 1]]
    far = np.asarray(depth)[..., None]
    return np.concatenate([far * rays, np.broadcast_to(far, (*rays.shape[:-1], 1))], axis=-1)


def across(points: np.ndarray, fovy: float) -> np.ndarray:
    """Where points (..., 3) are in a square picture, (..., 2): right and down, -1…1 from edge to edge.

    Args:
        points: m, optical frame.
        fovy: field of view, degrees.
    """
    half = np.tan(np.radians(fovy) / 2.0)
    return np.asarray(points[..., :2] / (points[..., 2:] * half))
