"""Values that now and then come a control step late: those of the step before are there once more.

Of actions on their way to the robot, and of what the policy sees (Lin et al., Table IV: action lag, frame lag).
"""

from __future__ import annotations

import torch
from torch import Tensor

from dactyl.environment.randomization.effect import Effect
from dactyl.environment.randomization.random import Random, where


class Lag(Effect):
    """N rows of values, each late with a probability in every control step; an episode's first are never late."""

    def __init__(self, probability: float, num_envs: int, size: int, random: Random) -> None:
        """Of rows with `size` numbers."""
        self._probability, self._random = probability, random
        self.last = torch.zeros(num_envs, size, device=random.device)
        self.fresh = torch.ones(num_envs, device=random.device, dtype=torch.bool)

    def restart(self, mask: Tensor) -> None:
        """New episodes in environments of mask (N,)."""
        self.redraw(mask, fresh=torch.ones_like(self.fresh))

    def apply(self, values: Tensor) -> Tensor:
        """What arrives of values (N, size); one call per control step."""
        late = self._random.chance(self._probability, len(values)) & ~self.fresh
        arriving = where(late, self.last.to(values.dtype), values)
        self.last, self.fresh = values.to(self.last.dtype), torch.zeros_like(self.fresh)
        return arriving
