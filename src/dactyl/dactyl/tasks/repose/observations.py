"""What policy and value network may see. A pose is told as position and quaternion (O-PQ) or as keypoints (O-KP)."""

from __future__ import annotations

from array_api_compat import array_namespace

from dactyl.environment.task import Signals, Term, fixed
from dactyl.environment.terms import FINGERTIPS, flat, plain
from dactyl.maths import quaternion
from dactyl.maths.quaternion import Array
from dactyl.objects.object import Object
from dactyl.tasks.repose.keypoints import COUNT, corners

_POSE = ("object_position", "object_orientation")


def _pose(position: Array, orientation: Array) -> Array:
    xp = array_namespace(position, orientation)
    return xp.concat([position, quaternion.canonical(orientation)], axis=-1)


def _object_pose(signals: Signals, _: Object) -> Array:
    return _pose(signals["object_position"], signals["object_orientation"])


def _goal_pose(signals: Signals, _: Object) -> Array:
    return _pose(signals["goal"][..., :3], signals["goal"][..., 3:])


def _object_keypoints(signals: Signals, _: Object) -> Array:
    return flat(corners(signals["object_position"], signals["object_orientation"]))


def _goal_keypoints(signals: Signals, _: Object) -> Array:
    return flat(corners(signals["goal"][..., :3], signals["goal"][..., 3:]))


def _symmetric_object_keypoints(signals: Signals, shape: Object) -> Array:
    return flat(corners(signals["object_position"], shape.reduce(signals["object_orientation"])))


def _symmetric_goal_keypoints(signals: Signals, shape: Object) -> Array:
    present = signals["object_orientation"]
    relabelled = quaternion.multiply(quaternion.conjugate(present), shape.reduce(present))
    return flat(corners(signals["goal"][..., :3], quaternion.multiply(signals["goal"][..., 3:], relabelled)))


OBSERVATIONS: dict[str, Term] = {
    # positions in m, robot frame; quaternions (w, x, y, z)
    "joint_angles": plain("joint_angles"),
    "joint_velocities": plain("joint_velocities"),
    "object_pose": Term(_object_pose, fixed(7), _POSE),
    "object_keypoints": Term(_object_keypoints, fixed(3 * COUNT), _POSE),
    "goal_pose": Term(_goal_pose, fixed(7), ("goal",)),
    "goal_keypoints": Term(_goal_keypoints, fixed(3 * COUNT), ("goal",)),
    # not the paper's: corners named anew in each step, as they are on the least turned cube that looks the same. What
    # fingers can do depends on no more; goals keep their rotation from the cube
    "symmetric_object_keypoints": Term(_symmetric_object_keypoints, fixed(3 * COUNT), _POSE),
    "symmetric_goal_keypoints": Term(_symmetric_goal_keypoints, fixed(3 * COUNT), ("goal", "object_orientation")),
    "smoothed_action": plain("smoothed_action"),  # the last action
    # for the value network, and for teachers
    "fingertip_positions": FINGERTIPS,
    "object_velocity": plain("object_velocity"),
    "object_angular_velocity": plain("object_turn"),
    "physics_factors": plain("physics_factors"),
    "effects": plain("effects"),
}
POLICY_TERMS = ("joint_angles", "joint_velocities", "object_keypoints", "goal_keypoints", "smoothed_action")
"""O-KP: 75 numbers; with `object_pose` and `goal_pose` in place of keypoints O-PQ: 41."""
VALUE_TERMS = (*POLICY_TERMS, "fingertip_positions", "object_velocity", "object_angular_velocity")
"""The paper's critic also sees the fingertips' velocities and orientations, torques, and forces at the fingertips."""
