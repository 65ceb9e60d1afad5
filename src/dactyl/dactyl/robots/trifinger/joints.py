"""Joints and motors of the TriFingerPro, in its own names, signs and units.

Three fingers of three joints, each with its motor: 9 joints, 9 actuators of the same names. Names and ranges are those
of the package robot-properties-fingers, whose ranges are the real robot's soft limits.
"""

from __future__ import annotations

import numpy as np

ANGLES: tuple[str, ...] = ("0", "120", "240")
"""Of each finger about the vertical, degrees, clockwise from above; what its parts' names end in."""
FINGERS: tuple[str, ...] = tuple(f"finger_{angle}" for angle in ANGLES)

_FINGER: dict[str, tuple[float, float]] = {
    "finger_base_to_upper_joint": (-0.33, 1.0),
    "finger_upper_to_middle_joint": (0.0, 1.57),
    "finger_middle_to_lower_joint": (-2.7, 0.0),
}  # rad, from the root outwards

JOINTS: tuple[str, ...] = tuple(f"{joint}_{angle}" for angle in ANGLES for joint in _FINGER)
"""The 9 joints, finger by finger, as the robot's own interface orders them."""

JOINT_LIMITS: np.ndarray = np.array(list(_FINGER.values()) * len(FINGERS))
"""(9, 2) lower and upper limit of each joint, rad."""

HOME: tuple[float, ...] = (0.0, 0.9, -1.7) * len(FINGERS)
"""rad; where the joints are when an episode begins (trifinger_simulation)."""

TORQUE_LIMIT = 0.36
"""N·m. The motors bear 0.396; the paper's code has 0.36."""
DAMPING: tuple[float, ...] = (0.08, 0.08, 0.04) * len(FINGERS)
"""N·m·s/rad of the safety law (trifinger_simulation; on the real robots 0.09, 0.09, 0.05)."""
STIFFNESS: tuple[float, ...] = (5.0, 5.0, 2.5) * len(FINGERS)
"""N·m/rad with which postures are followed; a choice. So soft that a torque which is kept for a whole control step,
20 ms, still follows them without swinging: half a step times the stiffness must stay below the damping."""
