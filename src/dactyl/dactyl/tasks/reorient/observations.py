"""What policy and value network may see: Table 2 and a few more. Environment and policy node compute them here."""

from __future__ import annotations

from dactyl.environment.task import Signals, Term, effects_size, fixed, physics_size
from dactyl.maths import quaternion
from dactyl.maths.quaternion import Array
from dactyl.objects.object import Object
from dactyl.robot.robot import Robot
from dactyl.tasks.reorient.goals import relative_orientation


def _per_joint(robot: Robot) -> tuple[int, ...]:
    return (len(robot.joints),)


def _per_actuator(robot: Robot) -> tuple[int, ...]:
    return (len(robot.actuators),)


def _fingertips(signals: Signals, _: Object) -> Array:
    tips = signals["fingertips"]
    return tips.reshape((*tips.shape[:-2], 3 * tips.shape[-2]))


def _object_orientation(signals: Signals, _: Object) -> Array:
    return quaternion.canonical(signals["object_orientation"])


def _target_orientation(signals: Signals, _: Object) -> Array:
    return quaternion.canonical(signals["goal"])


def _relative_target(signals: Signals, _: Object) -> Array:
    return relative_orientation(signals["goal"], signals["object_orientation"])


def _symmetric_orientation(signals: Signals, shape: Object) -> Array:
    return shape.reduce(signals["object_orientation"])


def _plain(signal: str) -> Term:
    shapes = {
        "joint_angles": _per_joint,
        "joint_velocities": _per_joint,
        "smoothed_action": _per_actuator,
        "physics_factors": lambda robot: (physics_size(robot),),
        "effects": lambda robot: (effects_size(robot),),
    }
    sizes = {"object_position": 3, "object_velocity": 3, "object_turn": 4}
    shape = shapes[signal] if signal in shapes else fixed(sizes[signal])
    return Term(lambda signals, _: signals[signal], shape, (signal,))


OBSERVATIONS: dict[str, Term] = {
    # Table 2; positions in m, hand frame; quaternions (w, x, y, z)
    "fingertip_positions": Term(_fingertips, lambda robot: (3 * len(robot.fingertips),), ("fingertips",)),
    "object_position": _plain("object_position"),
    "object_orientation": Term(_object_orientation, fixed(4), ("object_orientation",)),
    "target_orientation": Term(_target_orientation, fixed(4), ("goal",)),
    "relative_target_orientation": Term(_relative_target, fixed(4), ("goal", "object_orientation")),
    "joint_angles": _plain("joint_angles"),
    "joint_velocities": _plain("joint_velocities"),
    "object_velocity": _plain("object_velocity"),
    "object_angular_velocity": _plain("object_turn"),
    # not in the paper
    "symmetric_orientation": Term(_symmetric_orientation, fixed(4), ("object_orientation",)),
    "smoothed_action": _plain("smoothed_action"),
    "physics_factors": _plain("physics_factors"),
    "effects": _plain("effects"),
}
POLICY_TERMS = ("fingertip_positions", "object_position", "relative_target_orientation")
VALUE_TERMS = tuple(OBSERVATIONS)[:9]
