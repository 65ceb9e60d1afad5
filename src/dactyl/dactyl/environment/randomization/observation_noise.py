"""Group `observation_noise`: Table 7, on what the policy sees and never on the value network's inputs."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import torch
from torch import Tensor

from dactyl.environment.randomization.effect import Effect
from dactyl.environment.randomization.random import Random, check_amount
from dactyl.maths import quaternion
from dactyl.robot.robot import Robot


@dataclass(frozen=True)
class ObservationNoise:
    """Standard deviations of Table 7. Correlated: drawn once per episode. Uncorrelated: drawn every control step."""

    fingertip_correlated: float = 0.001  # m
    fingertip_uncorrelated: float = 0.002  # m
    object_position_correlated: float = 0.005  # m
    object_position_uncorrelated: float = 0.001  # m
    object_orientation_correlated: float = 0.1  # rad
    object_orientation_uncorrelated: float = 0.1  # rad
    fingertip_marker: float = 0.003  # m, misplacement of each marker on its link
    base_marker: float = 0.001  # m, misplacement of each of the base's markers, which the hand frame is found by
    joint_uncorrelated: float | None = None  # rad, of each joint's reading; not in Table 7
    depth_position: float | None = (
        None  # m, the most that a depth camera hangs off its place along each axis; nor these
    )
    depth_rotation: float | None = None  # rad, the most that it is turned about each axis
    depth_view: float | None = None  # rad, the most that its field of view is wider or narrower

    def __post_init__(self) -> None:
        for noise in fields(self):
            if (value := getattr(self, noise.name)) is not None:
                check_amount(noise.name, value)


class Sensed(NamedTuple):
    """What motion capture or vision measures, hand frame."""

    fingertips: Tensor
    """(N, F, 3) m."""
    object_position: Tensor
    """(N, 3) m."""
    object_orientation: Tensor
    """(N, 4)"""


class Sensors(Effect):
    """Noisy readings of N environments."""

    def __init__(self, config: ObservationNoise, num_envs: int, robot: Robot, random: Random) -> None:
        self._config, self._random, self._num_envs = config, random, num_envs
        self._fingertips = (num_envs, len(robot.fingertips), 3)
        self.fingertip_offset = torch.zeros(self._fingertips, device=random.device)
        self.marker_offset = torch.zeros(self._fingertips, device=random.device)
        self._base = torch.as_tensor(robot.markers.base, dtype=torch.float32, device=random.device)
        self.base_offset = torch.zeros(num_envs, 3, device=random.device)
        self.base_rotation = quaternion.from_rotation_vector(self.base_offset)
        self.base_matrix = quaternion.to_matrix(self.base_rotation)
        self.object_offset = torch.zeros(num_envs, 3, device=random.device)
        self.object_rotation = self._rotation(0.0)

    def _rotation(self, std: float) -> Tensor:
        """Rotations about random axes by normally distributed angles of that standard deviation."""
        axis = torch.nn.functional.normalize(self._random.normal(self._num_envs, 3), dim=-1)
        return quaternion.from_rotation_vector(axis * std * self._random.normal(self._num_envs, 1))

    def restart(self, mask: Tensor) -> None:
        """Draw the correlated noise of new episodes."""
        config, normal, n, tips = self._config, self._random.normal, self._num_envs, self._fingertips
        shift, turn = misplaced_frame(self._base, config.base_marker * normal(n, *self._base.shape))
        rotation = quaternion.from_rotation_vector(turn)
        self.redraw(
            mask,
            fingertip_offset=config.fingertip_correlated * normal(*tips),
            marker_offset=config.fingertip_marker * normal(*tips),
            base_offset=shift,
            base_rotation=rotation,
            base_matrix=quaternion.to_matrix(rotation),
            object_offset=config.object_position_correlated * normal(n, 3),
            object_rotation=self._rotation(config.object_orientation_correlated),
        )

    def joints(self, angles: Tensor) -> Tensor:
        """Joint angles (N, J), rad, as they are read."""
        if not self._config.joint_uncorrelated:
            return angles
        return angles + self._config.joint_uncorrelated * self._random.normal(*angles.shape)

    def read(self, truth: Sensed, marker_rotations: Tensor) -> Sensed:
        """One noisy reading.

        Args:
            truth: the exact values.
            marker_rotations: (N, F, 3, 3) from each distal link to the hand frame.
        """
        config, normal = self._config, self._random.normal
        misplaced = (marker_rotations @ self.marker_offset[..., None]).squeeze(-1)
        markers = truth.fingertips + misplaced
        found = self._in_found_frame(torch.cat([markers, truth.object_position[:, None]], dim=1))
        fingertips, position = found[:, :-1] + self.fingertip_offset, found[:, -1] + self.object_offset
        orientation = quaternion.multiply(quaternion.conjugate(self.base_rotation), truth.object_orientation)
        turn = quaternion.multiply(self._rotation(config.object_orientation_uncorrelated), self.object_rotation)
        return Sensed(
            fingertips + config.fingertip_uncorrelated * normal(*fingertips.shape),
            position + config.object_position_uncorrelated * normal(*position.shape),
            quaternion.multiply(turn, orientation),
        )

    def _in_found_frame(self, points: Tensor) -> Tensor:
        """Points (N, k, 3) of the hand frame as they are in the frame that its misplaced markers give."""
        return (points - self.base_offset[:, None]) @ self.base_matrix


def misplaced_frame(markers: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
    """The rigid motion of a frame that is found by misplaced markers: least squares, as `robot.markers.register`.

    To first order of the rotation, which a millimetre on a hand's markers keeps at a degree or two; no iterations and
    no decompositions, so that nothing waits for a GPU.

    Args:
        markers: (B, 3) in the frame, m.
        offsets: (N, B, 3) by which each is misplaced, m.

    Returns:
        Shift (N, 3), m, and rotation vectors (N, 3), rad: a point p of the frame is found at shift + turned p.
    """
    centre = markers.mean(0)
    arms = markers - centre
    inertia = arms.square().sum() * torch.eye(3, device=arms.device) - arms.T @ arms
    moments = torch.linalg.cross(arms.expand_as(offsets), offsets).sum(1)
    turn = moments @ torch.linalg.inv_ex(inertia).inverse
    shift = offsets.mean(1) + centre - quaternion.rotate(quaternion.from_rotation_vector(turn), centre)
    return shift, turn
