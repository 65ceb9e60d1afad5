"""Where a robot's cameras are meant to be, and how far off others are. No simulator: for nodes and calibration."""

from __future__ import annotations

from math import cos, degrees, radians, sin
from typing import NamedTuple

import numpy as np

from dactyl.maths import quaternion
from dactyl.maths.pinhole import OPTICAL
from dactyl.robot.robot import Eye, Robot

WITHIN = (0.01, 3.0)
"""m and degrees that a camera may be off its place. Networks are trained with 1.5 mm and 3° (Table 9); docs/vision.md
has what more of it costs."""


class Place(NamedTuple):
    """Of a camera's optical frame (z forward, y down), robot frame."""

    position: np.ndarray
    """(3,) m"""
    orientation: np.ndarray
    """(4,) (w, x, y, z), optical frame to robot frame."""


def camera_place(robot: Robot, camera: str) -> Place:
    """Where one of the robot's cameras is meant to be when the robot is mounted as usual."""
    cameras, up = robot.cameras, robot.up / np.linalg.norm(robot.up)
    forward = cameras.forward - (cameras.forward @ up) * up
    forward /= np.linalg.norm(forward)
    azimuth, elevation = map(radians, cameras.places[camera])
    side = sin(azimuth) * np.cross(up, forward) + cos(azimuth) * forward
    away = cos(elevation) * side + sin(elevation) * up
    right = np.cross(up, away)
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(away, right), away], axis=1) @ OPTICAL
    return Place(robot.workspace.rest + cameras.aim + cameras.distance * away, quaternion.from_matrix(rotation))


def eye_place(eye: Eye) -> Place:
    """Where one of the robot's eyes is: the lower edge of its picture is level."""
    ahead = (eye.looks_at - eye.position) / np.linalg.norm(eye.looks_at - eye.position)
    right = np.cross(ahead, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    turned = quaternion.from_matrix(np.stack([right, np.cross(ahead, right), ahead], axis=1))
    return Place(eye.position, turned)


def apart(a: Place, b: Place) -> tuple[float, float]:
    """Distance, m, and angle, degrees, between two places."""
    angle = quaternion.difference_angle(a.orientation, b.orientation)
    return float(np.linalg.norm(a.position - b.position)), degrees(float(angle))
