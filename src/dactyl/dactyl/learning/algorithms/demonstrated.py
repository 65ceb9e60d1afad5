"""Doing as a script showed (DAPG: Rajeswaran et al. 2018)."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from dactyl.learning.algorithms.guided import Guided
from dactyl.learning.batch import Batch
from dactyl.learning.shown import Shown


class Demonstrated(Guided):
    """PPO that is told how improbable it makes the actions that were shown. Their deviations are left to PPO."""

    figure: ClassVar[str] = "shown_off"

    def __init__(self, *common: Any, shown: Shown, weight: float) -> None:
        """As `Guided`, of a policy without memory whose actions are numbers; `shown` is what to do."""
        super().__init__(*common, weight=weight)
        self.shown = shown

    def off(self, batch: Batch, outputs: Tensor) -> Tensor:
        """How far the most likely actions are from those shown, in as many rows as the batch has: nats, mean."""
        device, count = self.shown.action.device, batch.starts.numel()
        rows = torch.randint(len(self.shown.action), (count,), generator=self.generator, device=device)
        seen = {self.policy.group: self.shown.observation[rows][None]}
        starts = torch.zeros(1, count, dtype=torch.bool, device=device)
        told = self.policy.sequence(seen, self.policy.initial_state(count), starts)
        return self.networks.actions.off(told, self.shown.action[rows][None]).mean()
