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
    base_marker: float = 0.001  # m, misplacement of the hand's base markers: moves the whole hand frame

    def __post_init__(self) -> None:
        for noise in fields(self):
            check_amount(noise.name, getattr(self, noise.name))


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
        self.base_offset = torch.zeros(num_envs, 3, device=random.device)
        self.object_offset = torch.zeros(num_envs, 3, device=random.device)
        self.object_rotation = self._rotation(0.0)

    def _rotation(self, std: float) -> Tensor:
        """Rotations about random axes by normally distributed angles of that standard deviation."""
        axis = torch.nn.functional.normalize(self._random.normal(self._num_envs, 3), dim=-1)
        return quaternion.from_rotation_vector(axis * std * self._random.normal(self._num_envs, 1))

    def restart(self, mask: Tensor) -> None:
        """Draw the correlated noise of new episodes."""
        config, normal, n, tips = self._config, self._random.normal, self._num_envs, self._fingertips
        self.redraw(
            mask,
            fingertip_offset=config.fingertip_correlated * normal(*tips),
            marker_offset=config.fingertip_marker * normal(*tips),
            base_offset=config.base_marker * normal(n, 3),
            object_offset=config.object_position_correlated * normal(n, 3),
            object_rotation=self._rotation(config.object_orientation_correlated),
        )

    def read(self, truth: Sensed, marker_rotations: Tensor) -> Sensed:
        """One noisy reading.

        Args:
            truth: the exact values.
            marker_rotations: (N, F, 3, 3) from each distal link to the hand frame.
        """
        config, normal = self._config, self._random.normal
        misplaced = (marker_rotations @ self.marker_offset[..., None]).squeeze(-1)
        fingertips = truth.fingertips + misplaced + self.fingertip_offset - self.base_offset[:, None]
        position = truth.object_position + self.object_offset - self.base_offset
        turn = quaternion.multiply(self._rotation(config.object_orientation_uncorrelated), self.object_rotation)
        return Sensed(
            fingertips + config.fingertip_uncorrelated * normal(*fingertips.shape),
            position + config.object_position_uncorrelated * normal(*position.shape),
            quaternion.multiply(turn, truth.object_orientation),
        )
