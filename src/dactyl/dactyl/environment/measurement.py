"""The exact state of N environments in the hand frame, and which of their markers are hidden."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dactyl.environment.randomization.observation_noise import Sensed
from dactyl.maths import quaternion
from dactyl.maths.arrays import Constant
from dactyl.objects.object import Object
from dactyl.robot.robot import Robot
from dactyl.simulation.physics import Physics


class Measurement(NamedTuple):
    """Noiseless, float32; positions in m and orientations in the hand frame."""

    sensed: Sensed
    fingers: Tensor
    """(N, F, L + 1, 3) m, where the capsules of each finger's links begin and end, see `Markers.link_radii`."""
    marker_rotations: Tensor
    """(N, F, 3, 3) fingertip's link to hand frame."""
    joint_angles: Tensor
    """(N, J) rad"""
    joint_velocities: Tensor
    """(N, J) rad/s"""
    object_velocity: Tensor
    """(N, 3) m/s"""
    object_turn: Tensor
    """(N, 4) rotation in one control step at the present angular velocity."""


class RobotFrame:
    """Reads a physics backend in the robot frame."""

    def __init__(self, physics: Physics) -> None:
        self._physics = physics
        scene, device, dtype = physics.scene, physics.device, physics.state.qpos.dtype
        self._scene, self._period = scene, scene.robot.timing.control
        self._origin = torch.as_tensor(scene.hand_position, device=device, dtype=dtype)
        self._orientation = torch.as_tensor(scene.hand_quaternion, device=device, dtype=dtype)
        self._sites = torch.as_tensor(scene.fingertip_sites, device=device)
        self._links = torch.as_tensor(np.column_stack([scene.fingertip_sites, scene.link_sites]), device=device)
        basis = quaternion.rotate(self._orientation, torch.eye(3, device=device, dtype=dtype))
        self._to_hand = basis  # rows are the hand's axes in the world: matrix from world to hand

    def measure(self) -> Measurement:
        """The current state of every environment."""
        qpos, qvel, _ = self._physics.state
        to_hand, scene = self._to_hand, self._scene
        sites = ((self._physics.site_positions[:, self._links] - self._origin) @ to_hand.T).float()
        orientation = quaternion.multiply(quaternion.conjugate(self._orientation), qpos[:, scene.object_orientation])
        angular_velocity = quaternion.rotate(orientation, qvel[:, scene.object_turn])
        return Measurement(
            sensed=Sensed(
                fingertips=sites[:, :, 0],
                object_position=((qpos[:, scene.object_position] - self._origin) @ to_hand.T).float(),
                object_orientation=orientation.float(),
            ),
            fingers=sites[:, :, 1:],
            marker_rotations=(to_hand @ self._physics.site_rotations[:, self._sites].to(to_hand.dtype)).float(),
            joint_angles=qpos[:, scene.joints].float(),
            joint_velocities=qvel[:, scene.joints].float(),
            object_velocity=(qvel[:, scene.object_position] @ to_hand.T).float(),
            object_turn=quaternion.from_rotation_vector(self._period * angular_velocity).float(),
        )


class Occlusion:
    """Which fingertip markers are hidden: the object or any link of another finger comes too close (appendix C.2)."""

    def __init__(self, robot: Robot, shape: Object, distance: float) -> None:
        """`distance`: m around a marker that must be free."""
        self._shape, self._distance = shape, distance
        self._radii = Constant(robot.markers.link_radii)

    def of(self, measurement: Measurement, object_size: Tensor) -> Tensor:
        """Which are hidden, (N, F) bool.

        Args:
            measurement: the exact state.
            object_size: (N,) factor on the object's dimensions.
        """
        markers, position, orientation = measurement.sensed
        in_object = quaternion.rotate_inverse(orientation[:, None], markers - position[:, None])
        by_object = self._shape.clearance(in_object, object_size) < self._distance
        return by_object | (self._gaps(markers, measurement.fingers) < self._distance).flatten(2).any(-1)

    def _gaps(self, markers: Tensor, fingers: Tensor) -> Tensor:
        """(N, marker, finger, link) m between each marker and the surface of each link; infinite for its own finger."""
        base = fingers[:, None, :, :-1]
        link = fingers[:, None, :, 1:] - base
        reach = markers[:, :, None, None] - base
        share = ((reach * link).sum(-1, keepdim=True) / link.square().sum(-1, keepdim=True)).clamp(0.0, 1.0)
        gaps = (reach - share * link).norm(dim=-1) - self._radii.like(markers)
        own = torch.diag(torch.full((markers.shape[1],), torch.inf, device=gaps.device))
        return gaps + own[..., None]
