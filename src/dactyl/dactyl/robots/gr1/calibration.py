"""How the GR1 is exercised: shoulder, forearm and each finger, about a posture that is clear of table and body."""

from __future__ import annotations

from dactyl.calibration.model.exercise import Exercise
from dactyl.robot.robot import Robot
from dactyl.robots.gr1.joints import PREFIXES

_ARM = {
    "shoulder_pitch": (-0.8, 0.35),
    "shoulder_roll": (1.0, 0.35),
    "shoulder_yaw": (0.0, 0.35),
    "elbow_pitch": (-1.57, 0.35),
    "wrist_yaw": (0.0, 0.6),
    "wrist_roll": (0.0, 0.6),
    "wrist_pitch": (0.0, 0.5),
}
"""rad, of the left arm: where it rests, and how far it moves either way. The right arm's rolls are mirrored."""


def exercise(robot: Robot) -> Exercise:
    """Side by side, part by part. Fingers rest stretched, the thumb beside the palm."""
    groups: dict[str, list[str]] = {}
    rest: dict[str, float] = {}
    limits: dict[str, tuple[float, float]] = {}
    for actuator, own in zip(robot.actuators, robot.actuator_limits, strict=True):
        side, _, joint = actuator.removesuffix("_joint").partition("_")
        if side in PREFIXES:
            centre, reach = _ARM[joint]
            centre *= -1.0 if side == "right" and joint.endswith("roll") else 1.0
            rest[actuator], limits[actuator] = centre, (centre - reach, centre + reach)
            part = "shoulder" if joint.startswith("shoulder") else "forearm"
            groups.setdefault(f"{side} {part}", []).append(actuator)
        else:
            rest[actuator] = min(max(0.0, own[0]), own[1])
            side = next(name for name, prefix in PREFIXES.items() if prefix == side)
            groups.setdefault(f"{side} {joint.partition('_')[0]}", []).append(actuator)
    return Exercise({name: tuple(own) for name, own in groups.items()}, rest, limits)
