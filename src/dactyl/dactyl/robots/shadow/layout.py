"""Where things are on the hand: markers, fingertips, the place of the object. Hand frame unless said otherwise, m."""

from __future__ import annotations

import numpy as np

PALM_CENTER = np.array([0.0, -0.03, 0.35])
"""Where an object rests: objects are placed there, drops are judged from it. With a locked wrist
palm and object are 3 cm lower."""

WRIST_PITCH = np.array([0.0, 0.01, 0.29])
"""A point on the axis of WRJ1, which is parallel to x: the palm's origin."""

BASE_MARKERS = np.array([[0.030, -0.044, 0.10], [-0.030, -0.044, 0.10], [0.030, -0.044, 0.148], [-0.018, -0.048, 0.19]])
"""(4, 3) motion-capture markers on the forearm; no two distances between them are equal."""

FINGERTIP_MARKERS = np.array([(0.0, 0.0115, 0.018)] * 4 + [(0.0145, 0.0, 0.020)])
"""(5, 3) on the back of each nail (appendix C.2), in the distal link frame, outside the mesh; joints.FINGERS order."""

LINKS = ("proximal", "middle", "distal")
"""Each finger's, from the knuckle outwards; capsules between one link's origin and the next one's."""
LINK_RADII = np.array([(0.010, 0.008, 0.007)] * 4 + [(0.013, 0.011, 0.009)])
DISTAL_LENGTHS = np.array([0.024] * 4 + [0.026])

LOCKED_WRIST = -0.5
"""rad; where WRJ1 is locked. Section 6.1 does not say where: it is about where models/block keeps its free wrist."""

DROP_HEIGHT = 0.10  # m the object may sink below its place on the level palm: the wrist alone lowers it by 0.06
DROP_DISTANCE = 0.16  # m it may be away from there: outstretched fingertips end at 0.13

CAMERAS: dict[str, tuple[float, float]] = {
    # azimuth about the palm from the fingers' direction, elevation; degrees. About 50 cm away (appendix B.3).
    "camera_0": (-65.0, 45.0),
    "camera_1": (0.0, 50.0),
    "camera_2": (65.0, 45.0),
}
CAMERA_AIM = np.array([-0.016, 0.044, 0.026])
"""From PALM_CENTER to where trained policies keep the block on average, lower and towards the fingers: so it is in the
middle of all pictures instead of at their lower edge."""

CAMERA_LANDMARKS = np.array(
    [
        [0.03, -0.01, 0.2], [-0.03, -0.01, 0.2], [0.03, 0.0, 0.24], [-0.03, 0.0, 0.24], [0.025, 0.005, 0.28],
        [-0.025, 0.005, 0.28], [0.0, -0.02, 0.26],
    ]
)  # fmt: skip
"""(7, 3) in the forearm's upper half, which most pictures show, whatever the wrist does."""

CAMERA_DISTANCE = 0.5  # m
CAMERA_FOVY = 32.0  # degrees: a 4 mm lens on the acA640-750uc's 2.3 mm high sensor
