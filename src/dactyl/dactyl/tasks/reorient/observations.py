"""What policy and value network may see: Table 2 and a few more. Environment and policy node compute them here."""

from __future__ import annotations

from dactyl.environment.task import Signals, Term, fixed
from dactyl.environment.terms import FINGERTIPS, plain
from dactyl.maths import quaternion
from dactyl.maths.quaternion import Array
from dactyl.objects.object import Object
from dactyl.tasks.reorient.goals import relative_orientation


def _object_orientation(signals: Signals, _: Object) -> Array:
    return quaternion.canonical(signals["object_orientation"])


def _target_orientation(signals: Signals, _: Object) -> Array:
    return quaternion.canonical(signals["goal"])


def _relative_target(signals: Signals, _: Object) -> Array:
    return relative_orientation(signals["goal"], signals["object_orientation"])


def _symmetric_orientation(signals: Signals, shape: Object) -> Array:
    return shape.reduce(signals["object_orientation"])


OBSERVATIONS: dict[str, Term] = {
    # Table 2; positions in m, hand frame; quaternions (w, x, y, z)
    "fingertip_positions": FINGERTIPS,
    "object_position": plain("object_position"),
    "object_orientation": Term(_object_orientation, fixed(4), ("object_orientation",)),
    "target_orientation": Term(_target_orientation, fixed(4), ("goal",)),
    "relative_target_orientation": Term(_relative_target, fixed(4), ("goal", "object_orientation")),
    "joint_angles": plain("joint_angles"),
    "joint_velocities": plain("joint_velocities"),
    "object_velocity": plain("object_velocity"),
    "object_angular_velocity": plain("object_turn"),
    # not in the paper
    "symmetric_orientation": Term(_symmetric_orientation, fixed(4), ("object_orientation",)),
    "smoothed_action": plain("smoothed_action"),
    "posture": plain("posture"),
    "physics_factors": plain("physics_factors"),
    "effects": plain("effects"),
}
POLICY_TERMS = ("fingertip_positions", "object_position", "relative_target_orientation")
VALUE_TERMS = tuple(OBSERVATIONS)[:9]
