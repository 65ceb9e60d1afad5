"""Rotations at the boundary to ROS, by tf_transformations where a ROS installation has it, else by transforms3d.

Functions have tf_transformations' names and take and give its quaternions, (x, y, z, w). Inside the code quaternions
are (w, x, y, z): `to_xyzw` and `to_wxyz` stand between.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from transforms3d import quaternions

try:
    _tf: Any = importlib.import_module("tf_transformations")
except ImportError:  # it is in no wheel
    _tf = None

Quaternion = Sequence[float] | np.ndarray


def to_xyzw(wxyz: Quaternion) -> np.ndarray:
    """(4,)"""
    w, x, y, z = wxyz
    return np.array([x, y, z, w])


def to_wxyz(xyzw: Quaternion) -> np.ndarray:
    """(4,)"""
    x, y, z, w = xyzw
    return np.array([w, x, y, z])


def vector_norm(vector: Sequence[float] | np.ndarray) -> float:
    """Length of a vector (n,)."""
    return float(_tf.vector_norm(vector) if _tf else np.sqrt(np.dot(vector, vector)))


def quaternion_matrix(xyzw: Quaternion) -> np.ndarray:
    """Homogeneous rotation matrix (4, 4)."""
    if _tf:
        return np.asarray(_tf.quaternion_matrix(xyzw))
    matrix = np.eye(4)
    matrix[:3, :3] = quaternions.quat2mat(to_wxyz(xyzw))
    return matrix


def quaternion_inverse(xyzw: Quaternion) -> np.ndarray:
    """(4,) of a unit quaternion."""
    if _tf:
        return np.asarray(_tf.quaternion_inverse(xyzw))
    return to_xyzw(quaternions.qinverse(to_wxyz(xyzw)))
