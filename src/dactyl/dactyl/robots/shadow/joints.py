"""Joints, actuators and fingertips of the Shadow Dexterous Hand E (right), in Shadow's names, signs and units.

24 joints, 20 actuators: the distal (J1) and middle (J2) joints of the four fingers hang on one motor each, which sets
their sum, called J0 (appendix B.1). Ranges are those of Shadow's user guide, in its sign convention.
"""

from __future__ import annotations

from math import radians

import numpy as np

FINGERS: tuple[str, ...] = ("FF", "MF", "RF", "LF", "TH")

# degrees, from Shadow's user guide
_FINGER = {"J4": (-20, 20), "J3": (-15, 90), "J2": (0, 90), "J1": (0, 90)}
_RANGES: dict[str, tuple[float, float]] = {
    "WRJ2": (-28, 10),
    "WRJ1": (-40, 28),
    **{f"FF{joint}": limits for joint, limits in _FINGER.items()},
    **{f"MF{joint}": limits for joint, limits in _FINGER.items()},
    **{f"RF{joint}": limits for joint, limits in _FINGER.items()},
    "LFJ5": (0, 45),
    **{f"LF{joint}": limits for joint, limits in _FINGER.items()},
    "THJ5": (-60, 60),
    "THJ4": (0, 70),
    "THJ3": (-12, 12),
    "THJ2": (-40, 40),
    "THJ1": (-15, 90),
}

JOINTS: tuple[str, ...] = tuple(_RANGES)
"""The 24 joints, wrist first, then finger by finger from the knuckle outwards."""

JOINT_LIMITS: np.ndarray = np.array([[radians(a), radians(b)] for a, b in _RANGES.values()])
"""(24, 2) lower and upper limit of each joint, rad."""

COUPLED_FINGERS: tuple[str, ...] = ("FF", "MF", "RF", "LF")

ACTUATORS: tuple[str, ...] = tuple(
    f"{name[:2]}J0" if name[:2] in COUPLED_FINGERS and name.endswith("J2") else name
    for name in JOINTS
    if not (name[:2] in COUPLED_FINGERS and name.endswith("J1"))
)
"""The 20 actuators, named by the joint they move; J0 is the coupled pair J1 + J2."""


def joints_of(actuator: str) -> tuple[str, ...]:
    """The one or two joints whose angles add up to the actuator's position."""
    return (actuator[:2] + "J1", actuator[:2] + "J2") if actuator.endswith("J0") else (actuator,)


ACTUATION: np.ndarray = np.array([[float(joint in joints_of(actuator)) for joint in JOINTS] for actuator in ACTUATORS])
"""(20, 24): actuator positions = ACTUATION @ joint angles."""

ACTUATOR_LIMITS: np.ndarray = ACTUATION @ JOINT_LIMITS
"""(20, 2) lower and upper limit of each actuator's position, rad."""


def ros_joint_name(joint: str) -> str:
    """Shadow's ROS name of a joint or actuator of the right hand: 'FFJ4' -> 'rh_FFJ4'."""
    return f"rh_{joint}"
