"""Where things are around the GR1T2. Robot frame: its hips (`base_link`), x forwards, y to its left, z up; m, N·m."""

from __future__ import annotations

import numpy as np

HIP_HEIGHT = 0.93
"""Of the robot's frame above the floor on which it stands (the file's legs, stretched)."""

TABLE_HEIGHT = 0.06
"""Of the table's top above the hips, a little below the elbows. The paper gives none."""
TABLE_CENTRE, TABLE_HALF = (0.55, 0.0), (0.30, 0.60, 0.02)
"""Half lengths of the top."""
FLUSH = 0.025
"""Above the table: the centre of what is 5 cm high. Higher objects say how much higher, see `Object.stands`."""
DEPTH, RADIUS = 0.10, 0.60
"""What is deeper below there, or further away, has left the table."""
REACH = {("left", "right"): (0.48, 0.0), ("right",): (0.48, -0.16)}
"""Where objects lie, by the arms that move: before the robot, or before its right hand."""

CAMERAS: dict[str, tuple[float, float]] = {
    # azimuth from -y, elevation, degrees: from the front, as the paper's third view, and from both sides of it
    "camera_0": (50.0, 30.0),
    "camera_1": (90.0, 35.0),
    "camera_2": (130.0, 30.0),
}
CAMERA_DISTANCE = 1.0
CAMERA_FOVY = 45.0  # degrees

EYE, EYE_LOOKS_AT = np.array([0.12, 0.0, 0.55]), np.array([0.48, 0.0, 0.12])
"""The depth camera at the front of the head, and where it looks: over the table's middle. A choice."""
EYE_FOVY, EYE_REACH = 58.0, 1.5
"""Degrees, a RealSense D435's vertical field of view; and m."""
EYE_SIZES = {"depth": (96, 72), "depth_small": (48, 36)}
"""Pixels, width and height; the small one is three times as fast to learn from."""

FRONT, FRONT_LOOKS_AT = np.array([1.45, 0.0, 0.65]), np.array([0.48, 0.0, 0.20])
"""The depth camera on a tripod before the robot, the paper's third view, and where it looks. A choice."""
FRONT_FOVY, FRONT_REACH, FRONT_SIZE = 42.0, 2.0, (160, 120)
"""Degrees, a D435's depth brought to the view of its colour camera, which masks are made in; m; pixels. A choice."""

BASE_MARKERS = np.array([[0.10, 0.05, 0.30], [0.10, -0.08, 0.33], [0.09, 0.0, 0.40]])
"""(3, 3) on the chest, for whoever finds the robot's frame by markers."""
LINK_RADII = (0.009, 0.008)
"""Of a finger's two links, from the root outwards."""

STIFFNESS = {"arm": 80.0, "hand": 2.0}
"""N·m/rad, the P gains: a choice, for neither paper nor package gives any."""
DAMPING = {"shoulder": 8.0, "elbow": 5.0, "wrist": 1.5, "motor": 0.1, "coupled": 0.02}
"""N·m·s/rad, the D gains, at the joints; a choice that goes with the P gains."""
ARMATURE = {"arm": 0.05, "wrist": 0.01, "hand": 0.0005}
"""kg·m², of motors behind their gears; a choice."""
HAND_TORQUE = 1.0
"""N·m, the largest of a hand's motor: what the Inspire hand's file says. The Fourier hand's says 0."""
