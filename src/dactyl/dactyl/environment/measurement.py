"""The exact state of N worlds in the hand frame, and which of their markers are hidden."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dactyl.environment.randomization.observation_noise import Sensed
from dactyl.maths import quaternion
from dactyl.maths.arrays import Constant
from dactyl.robot.control import CONTROL_PERIOD
from dactyl.robots.shadow.joints import FINGERS, JOINTS
from dactyl.robots.shadow.layout import DISTAL_LENGTH, DISTAL_RADIUS, FINGERTIP_MARKERS
from dactyl.simulation.objects import clearance
from dactyl.simulation.physics import Physics

_JOINTS = len(JOINTS)
_MARKERS = Constant(FINGERTIP_MARKERS)


class Measurement(NamedTuple):
    """Noiseless, float32; positions in m and orientations in the hand frame."""

    sensed: Sensed
    marker_rotations: Tensor
    """(N, 5, 3, 3) distal link to hand frame."""
    joint_angles: Tensor
    """(N, 24) rad"""
    joint_velocities: Tensor
    """(N, 24) rad/s"""
    object_velocity: Tensor
    """(N, 3) m/s"""
    object_turn: Tensor
    """(N, 4) rotation in one control step at the present angular velocity."""


class HandFrame:
    """Reads a physics backend in the hand frame."""

    def __init__(self, physics: Physics) -> None:
        self._physics = physics
        scene, device, dtype = physics.scene, physics.device, physics.state.qpos.dtype
        self._origin = torch.as_tensor(scene.hand_position, device=device, dtype=dtype)
        self._orientation = torch.as_tensor(scene.hand_quaternion, device=device, dtype=dtype)
        self._sites = torch.as_tensor(scene.fingertip_sites, device=device)
        basis = quaternion.rotate(self._orientation, torch.eye(3, device=device, dtype=dtype))
        self._to_hand = basis  # rows are the hand's axes in the world: matrix from world to hand

    def measure(self) -> Measurement:
        """The current state of every world."""
        qpos, qvel, _ = self._physics.state
        to_hand = self._to_hand
        orientation = quaternion.multiply(quaternion.conjugate(self._orientation), qpos[:, _JOINTS + 3 :])
        angular_velocity = quaternion.rotate(orientation, qvel[:, _JOINTS + 3 :])
        return Measurement(
            sensed=Sensed(
                fingertips=((self._physics.site_positions[:, self._sites] - self._origin) @ to_hand.T).float(),
                object_position=((qpos[:, _JOINTS : _JOINTS + 3] - self._origin) @ to_hand.T).float(),
                object_orientation=orientation.float(),
            ),
            marker_rotations=(to_hand @ self._physics.site_rotations[:, self._sites].to(to_hand.dtype)).float(),
            joint_angles=qpos[:, :_JOINTS].float(),
            joint_velocities=qvel[:, :_JOINTS].float(),
            object_velocity=(qvel[:, _JOINTS : _JOINTS + 3] @ to_hand.T).float(),
            object_turn=quaternion.from_rotation_vector(CONTROL_PERIOD * angular_velocity).float(),
        )


def occluded(measurement: Measurement, kind: str, object_size: Tensor, distance: float) -> Tensor:
    """Which fingertip markers are hidden: the object or another finger's distal link comes too close (appendix C.2).

    Args:
        measurement: the exact state.
        kind: the object.
        object_size: (N,) factor on its dimensions.
        distance: m around the marker that must be free.

    Returns:
        (N, 5) bool.
    """
    markers, position, orientation = measurement.sensed
    in_object = quaternion.rotate_inverse(orientation[:, None], markers - position[:, None])
    by_object = clearance(kind, in_object, object_size) < distance
    offsets = _MARKERS.like(markers)
    base = markers - (measurement.marker_rotations @ offsets[..., None]).squeeze(-1)
    axis = measurement.marker_rotations[..., 2]
    reach = markers[:, :, None] - base[:, None]  # (N, marker, finger, 3)
    along = (reach * axis[:, None]).sum(-1, keepdim=True).clamp(0.0, DISTAL_LENGTH)
    gap = (reach - along * axis[:, None]).norm(dim=-1) - DISTAL_RADIUS
    gap = gap + torch.diag(torch.full((len(FINGERS),), torch.inf, device=gap.device))  # not by its own finger
    return by_object | (gap < distance).any(dim=-1)
