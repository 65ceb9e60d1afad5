"""Where things are on the hand: markers, fingertips, the place of the object. Hand frame unless said otherwise, m."""

from __future__ import annotations

import numpy as np

PALM_CENTER = np.array([0.0, -0.03, 0.35])
"""Where an object rests: cameras look at it, objects are placed there, drops are judged from it. With a locked wrist
palm and object are 3 cm lower."""

WRIST_PITCH = np.array([0.0, 0.01, 0.29])
"""A point on the axis of WRJ1, which is parallel to x: the palm's origin."""

BASE_MARKERS = np.array([[0.030, -0.044, 0.10], [-0.030, -0.044, 0.10], [0.030, -0.044, 0.148], [-0.018, -0.048, 0.19]])
"""(4, 3) motion-capture markers on the forearm; no two distances between them are equal."""

FINGERTIP_MARKERS = np.array([(0.0, 0.0115, 0.018)] * 4 + [(0.0145, 0.0, 0.020)])
"""(5, 3) on the back of each nail (appendix C.2), in the distal link frame, outside the mesh; joints.FINGERS order."""

DISTAL_LENGTH, DISTAL_RADIUS = 0.025, 0.008
"""The distal links are capsules along their z axis, the thumb's a little thicker."""
