"""Imitation of a teacher, in the situations that the policy gets itself into; for some of the way, or all of it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from dactyl.errors import DactylError
from dactyl.learning.algorithms.ppo import PPO, PPOConfig
from dactyl.learning.algorithms.teacher import Teacher
from dactyl.learning.batch import Batch
from dactyl.learning.models.actor_critic import ActorCritic
from dactyl.learning.process_group import ALONE, ProcessGroup


class Distillation(PPO):
    """PPO whose loss is in part, or as a whole, the divergence of the teacher from the policy."""

    def __init__(
        self,
        networks: ActorCritic,
        config: PPOConfig,
        generator: torch.Generator,
        processes: ProcessGroup = ALONE,
        *,
        teacher: Teacher,
        weight: float,
    ) -> None:
        """As `PPO`.

        Args:
            networks: are improved.
            config: hyperparameters.
            generator: shuffles.
            processes: each improves its copy of the networks.
            teacher: whom to imitate; without memory, sees the first of what the value network sees.
            weight: of the divergence in the loss, above 0; PPO's own has the rest, at 1 none.
        """
        if not 0 < weight <= 1:
            raise DactylError(f"imitation must be between 0 and 1, not {weight}")
        super().__init__(networks, config, generator, processes)
        self.teacher = teacher
        self.weight = weight

    def is_too_far(self, kl: Tensor) -> bool:
        """Who only imitates learns nothing from what was done: it may move as far as it likes."""
        return self.weight < 1.0 and super().is_too_far(kl)

    def loss(self, batch: Batch, outputs: Tensor, log_probs: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """PPO's and the divergence from the teacher, weighted."""
        loss, figures = super().loss(batch, outputs, log_probs)
        target = self._teach(batch.observations, batch.starts)
        divergence = self.networks.actions.divergence(target, outputs).mean()
        loss = (1.0 - self.weight) * loss + self.weight * divergence
        return loss, {**figures, "imitation_kl": divergence.detach()}

    @torch.no_grad()
    def _teach(self, observations: Mapping[str, Tensor], starts: Tensor) -> Tensor:
        """What the teacher would do: outputs (L, B, outputs)."""
        seen = {self.teacher.group: observations["value"][..., : self.teacher.inputs]}
        return self.teacher.sequence(seen, self.teacher.initial_state(starts.shape[1]), starts)
