"""How the Shadow hand is exercised: finger by finger, and the wrist."""

from __future__ import annotations

from math import radians

from dactyl.calibration.model.exercise import Exercise
from dactyl.robot.robot import Robot
from dactyl.robots.shadow.joints import COUPLED_FINGERS, FINGERS

_STRETCHED = {f"{finger}{joint}": radians(10.0) for finger in COUPLED_FINGERS for joint in ("J3", "J0")}
_SPREAD = {"FFJ4": radians(-15.0), "MFJ4": 0.0, "RFJ4": 0.0, "LFJ4": radians(-15.0), "LFJ5": radians(5.0)}
_THUMB_AWAY = {"THJ5": radians(-45.0), "THJ4": radians(10.0), "THJ3": 0.0, "THJ2": 0.0, "THJ1": radians(10.0)}


def exercise(robot: Robot) -> Exercise:
    """Fingers stretched and apart, the thumb beside the palm, while another finger moves."""
    groups = {
        finger: tuple(actuator for actuator in robot.actuators if actuator.startswith(finger))
        for finger in ("WR", *FINGERS)
    }
    return Exercise(groups, _STRETCHED | _SPREAD | _THUMB_AWAY | {"WRJ1": 0.0, "WRJ2": 0.0})
