"""PPO that is also told what to do, for some of the way, or all of it: by a teacher, or by what a script showed."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from dactyl.errors import DactylError
from dactyl.learning.algorithms.ppo import PPO, PPOConfig
from dactyl.learning.batch import Batch
from dactyl.learning.models.actor_critic import ActorCritic
from dactyl.learning.process_group import ALONE, ProcessGroup


class Guided(PPO):
    """PPO whose loss is in part, or as a whole, how far the policy is from what it is told."""

    figure: ClassVar[str]
    """Name of that in the log."""

    def __init__(
        self,
        networks: ActorCritic,
        config: PPOConfig,
        generator: torch.Generator,
        processes: ProcessGroup = ALONE,
        *,
        weight: float,
    ) -> None:
        """As `PPO`; `weight` is that of what it is told in the loss, above 0; PPO's own has the rest, at 1 none."""
        if not 0 < weight <= 1:
            raise DactylError(f"the weight of what a policy is told must be between 0 and 1, not {weight}")
        super().__init__(networks, config, generator, processes)
        self.weight = weight

    @abstractmethod
    def off(self, batch: Batch, outputs: Tensor) -> Tensor:
        """How far the policy is from what it is told, a scalar; `outputs` (L, B, outputs) are its own for the batch."""

    def is_too_far(self, kl: Tensor) -> bool:
        """Who only imitates learns nothing from what was done: it may move as far as it likes."""
        return self.weight < 1.0 and super().is_too_far(kl)

    def loss(self, batch: Batch, outputs: Tensor, log_probs: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """PPO's and how far it is from what it is told, weighted."""
        loss, figures = super().loss(batch, outputs, log_probs)
        off = self.off(batch, outputs)
        return (1.0 - self.weight) * loss + self.weight * off, {**figures, self.figure: off.detach()}
