"""Where things are on the TriFinger platform. Robot frame: on the table below the fingers' common root, z up; m."""

from __future__ import annotations

from math import radians

import numpy as np

REST = np.array([0.0, 0.0, 0.0325])
"""Where the cube lies in the middle of the arena."""
DEPTH, RADIUS = 0.05, 0.35
"""What is deeper, or further from there, has left the arena, whose wall ends at a radius of 0.28."""

ARENA_RADIUS = 0.195
"""Of the arena at the table (trifinger_simulation, `move_cube`)."""
WALL = ((ARENA_RADIUS, 0.0), (ARENA_RADIUS, 0.045), (0.283, 0.175))
"""Radius and height of the wall's inner side, from the table upwards. Two straight pieces; the package's own,
`high_table_boundary.stl`, bends outwards between them by up to 3 cm."""
WALL_SIDES = 18
WALL_THICKNESS = 0.01

CAMERAS: dict[str, tuple[float, float]] = {
    # azimuth from -y about the vertical, elevation; degrees: the platform's camera60, camera180 and camera300
    "camera_0": (134.6, 47.8),
    "camera_1": (0.9, 56.2),
    "camera_2": (-135.5, 45.7),
}
"""Where trifinger_simulation has its three cameras. They look at the middle here, there up to 6 cm beside it."""
CAMERA_DISTANCE = 0.51
CAMERA_FOVY = 52.0  # degrees (trifinger_simulation)

Capsule = tuple[tuple[float, float, float], tuple[float, float, float], float]
CAPSULES: dict[str, tuple[Capsule, ...]] = {
    # fitted to the bounds of the package's meshes, link by link; ends and radius, the link's frame
    "finger_upper_link": (((0.004, 0.046, 0.0), (0.004, 0.218, 0.0), 0.0225),),
    "finger_middle_link": (((0.036, 0.0, -0.1607), (0.036, 0.0, -0.001), 0.023),),
    "finger_lower_link": (
        ((0.0135, 0.0, -0.001), (0.0135, 0.0, 0.001), 0.0205),
        ((0.019, 0.0, -0.135), (0.019, 0.0, -0.02), 0.0095),
    ),
    "finger_tip_link": (((0.0, 0.0, 0.0), (0.0, 0.0, 0.0115), 0.01),),
}
"""What a finger touches with. Its tip is a sphere about the tip link's origin, drawn out towards the link."""
TIP_RADIUS = 0.01

LINKS = ("finger_middle_link", "finger_lower_link", "finger_tip_link")
"""Each finger's, from its root outwards; capsules from one's origin to the next one's hide what is behind them."""
LINK_RADII = np.array([(0.023, 0.0095)] * 3)

FINGERTIPS = np.zeros((3, 3))
"""The fingertips' places are the origins of their tip links: the platform knows them from its joints."""
BASE_MARKERS = np.array([[0.03, 0.0, 0.32], [-0.02, 0.03, 0.32], [-0.02, -0.045, 0.32]])
"""(3, 3) on the fingers' common root. The platform has none; they are for whoever finds its frame by markers."""


def sides() -> np.ndarray:
    """Angles of the wall's sides about the vertical, rad."""
    return radians(360.0) * np.arange(WALL_SIDES) / WALL_SIDES
