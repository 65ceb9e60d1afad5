"""Observation terms that are a signal as it is, for any task; see `environment.task` for the signals."""

from __future__ import annotations

from dactyl.environment.task import Signals, Term, effects_size, fixed, physics_size
from dactyl.maths.quaternion import Array
from dactyl.objects.object import Object
from dactyl.robot.robot import Robot


def _per_joint(robot: Robot) -> tuple[int, ...]:
    return (len(robot.joints),)


def _per_actuator(robot: Robot) -> tuple[int, ...]:
    return (len(robot.actuators),)


def flat(points: Array) -> Array:
    """Points (..., P, 3) side by side, (..., 3 P)."""
    return points.reshape((*points.shape[:-2], 3 * points.shape[-2]))


def _fingertips(signals: Signals, _: Object) -> Array:
    return flat(signals["fingertips"])


FINGERTIPS = Term(_fingertips, lambda robot: (3 * len(robot.fingertips),), ("fingertips",))
"""Positions of the fingertips side by side, (..., 3 F), m."""


def plain(signal: str) -> Term:
    """A signal that is a vector."""
    shapes = {
        "joint_angles": _per_joint,
        "joint_velocities": _per_joint,
        "smoothed_action": _per_actuator,
        "posture": _per_actuator,
        "physics_factors": lambda robot: (physics_size(robot),),
        "effects": lambda robot: (effects_size(robot),),
    }
    sizes = {"object_position": 3, "object_velocity": 3, "object_turn": 4}
    shape = shapes[signal] if signal in shapes else fixed(sizes[signal])
    return Term(lambda signals, _: signals[signal], shape, (signal,))
