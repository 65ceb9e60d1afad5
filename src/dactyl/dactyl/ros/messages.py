"""Between ROS's messages and the code's numbers: quality of service, stamps, points, rotations.

Quaternions are (w, x, y, z) inside the code; messages name their parts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Pose, Quaternion
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

SENSOR = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Sensor data: the newest reading or none."""
RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
"""Everything else."""
LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
"""State that a node started later has to know: the goal, the trial's status."""


def nanoseconds(stamp: Time) -> int:
    """A stamp as one number."""
    return stamp.sec * 1_000_000_000 + stamp.nanosec


def set_stamp(stamp: Time, ns: int) -> None:
    """Write ns >= 0 into a message's stamp."""
    stamp.sec, stamp.nanosec = divmod(ns, 1_000_000_000)


def set_point(message: Point, position: Sequence[float] | np.ndarray) -> None:
    """Write (3,) into a message."""
    message.x, message.y, message.z = float(position[0]), float(position[1]), float(position[2])


def set_quaternion(message: Quaternion, wxyz: Sequence[float] | np.ndarray) -> None:
    """Write (w, x, y, z) into a message."""
    message.w, message.x, message.y, message.z = (float(value) for value in wxyz)


def position(message: Pose) -> np.ndarray:
    """(3,)"""
    return np.array([message.position.x, message.position.y, message.position.z])


def orientation(message: Quaternion) -> np.ndarray:
    """(4,) unit, (w, x, y, z); NaN where the message holds no rotation."""
    wxyz = np.array([message.w, message.x, message.y, message.z])
    length = np.linalg.norm(wxyz)
    return wxyz / length if length > 1e-6 else np.full(4, np.nan)
