"""What policy and value network may see (Lin et al., appendix C): object position and joints; all else privileged."""

from __future__ import annotations

from dactyl.environment.task import Signals, Term, fixed
from dactyl.environment.terms import FINGERTIPS, plain
from dactyl.maths import quaternion
from dactyl.maths.quaternion import Array
from dactyl.objects.object import Object


def _goal(signals: Signals, _: Object) -> Array:
    return signals["goal"]


def _orientation(signals: Signals, _: Object) -> Array:
    return quaternion.canonical(signals["object_orientation"])


def _object_factors(signals: Signals, _: Object) -> Array:
    return signals["physics_factors"][..., :3]


OBSERVATIONS: dict[str, Term] = {
    # positions in m, robot frame; quaternions (w, x, y, z)
    "joint_angles": plain("joint_angles"),
    "object_position": plain("object_position"),
    "goal": Term(_goal, fixed(4), ("goal",)),  # where to, and with which hand
    "smoothed_action": plain("smoothed_action"),
    # for the value network, and for teachers
    "joint_velocities": plain("joint_velocities"),
    "fingertip_positions": FINGERTIPS,
    "object_orientation": Term(_orientation, fixed(4), ("object_orientation",)),
    "object_velocity": plain("object_velocity"),
    "object_angular_velocity": plain("object_turn"),
    "object_factors": Term(_object_factors, fixed(3), ("physics_factors",)),  # size, mass, friction
    "physics_factors": plain("physics_factors"),
    "effects": plain("effects"),
}
POLICY_TERMS = ("joint_angles", "object_position", "goal")
"""The paper's, and the goal, which it must be told somehow."""
VALUE_TERMS = (
    *POLICY_TERMS, "joint_velocities", "fingertip_positions", "object_orientation", "object_velocity",
    "object_angular_velocity", "object_factors",
)  # fmt: skip
"""The appendix's privileged inputs."""
