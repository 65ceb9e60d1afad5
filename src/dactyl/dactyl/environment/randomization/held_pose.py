"""An object's pose that is measured less often than the policy acts, and is old when it arrives: a slow tracker.

The policy sees the last pose that has arrived until the next one does. TriFinger's three cameras find its cube 10 times
a second and 90 ms late (trifinger_simulation), so that one reading serves five of its control steps.
"""

from __future__ import annotations

from math import ceil

import torch
from torch import Tensor

from dactyl.environment.randomization.effect import Effect
from dactyl.environment.randomization.random import Random, where
from dactyl.environment.randomization.unmodeled_effects import UnmodeledEffects
from dactyl.robot.robot import Robot

_SLACK = 1e-6  # of a control step: 0.1 s are five steps of 0.02 s


class HeldPose(Effect):
    """The readings of N environments. When in an episode they arrive is drawn; its first step sees a new one."""

    def __init__(self, config: UnmodeledEffects, num_envs: int, robot: Robot, random: Random) -> None:
        """Period and delay are counted in whole control steps, the delay rounded up."""
        step = robot.timing.control
        self._random = random
        self._period = max(1, round((config.pose_period or 0.0) / step))
        delay = ceil((config.pose_delay or 0.0) / step - _SLACK)
        device = random.device
        self.past = torch.zeros(num_envs, delay + 1, 7, device=device)
        """Poses of the last control steps, the oldest first."""
        self.shown = torch.zeros(num_envs, 7, device=device)
        self.wait = torch.zeros(num_envs, device=device, dtype=torch.int64)
        """Control steps until a reading arrives."""
        self.fresh = torch.ones(num_envs, device=device, dtype=torch.bool)

    def restart(self, mask: Tensor) -> None:
        """Draw when the readings of new episodes arrive."""
        self.redraw(mask, wait=self._random.integers(self._period, len(self.wait)), fresh=torch.ones_like(self.fresh))

    def apply(self, position: Tensor, orientation: Tensor) -> tuple[Tensor, Tensor]:
        """What the policy sees of poses that are measured now; one call per control step.

        Args:
            position: (N, 3) m.
            orientation: (N, 4)

        Returns:
            Position and orientation, each as old as its last reading.
        """
        pose = torch.cat([position, orientation], dim=-1)
        past = torch.cat([self.past[:, 1:], pose[:, None]], dim=1)
        self.past = where(self.fresh, pose[:, None].expand_as(past), past)
        self.shown = where(self.fresh | (self.wait == 0), self.past[:, 0], self.shown)
        self.wait = torch.where(self.wait == 0, self._period - 1, self.wait - 1)
        self.fresh = torch.zeros_like(self.fresh)
        return self.shown[:, :3], self.shown[:, 3:]
