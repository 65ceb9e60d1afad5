"""PPO that also does as a script showed, for some of the way, or all of it (DAPG: Rajeswaran et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor

from dactyl.errors import DactylError
from dactyl.learning.algorithms.ppo import PPO, PPOConfig
from dactyl.learning.batch import Batch
from dactyl.learning.models.actor_critic import ActorCritic
from dactyl.learning.process_group import ALONE, ProcessGroup
from dactyl.learning.shown import Shown


class Demonstrated(PPO):
    """PPO whose loss is in part, or as a whole, how improbable the policy makes the actions that were shown."""

    def __init__(
        self,
        networks: ActorCritic,
        config: PPOConfig,
        generator: torch.Generator,
        processes: ProcessGroup = ALONE,
        *,
        shown: Shown,
        weight: float,
    ) -> None:
        """As `PPO`.

        Args:
            networks: are improved; the policy has no memory, and its actions are numbers.
            config: hyperparameters; as many rows are looked at in a gradient step as it has transitions.
            generator: shuffles.
            processes: each improves its copy of the networks.
            shown: what to do.
            weight: of that in the loss, above 0; PPO's own has the rest, at 1 none.
        """
        if not 0 < weight <= 1:
            raise DactylError(f"demonstrated must be between 0 and 1, not {weight}")
        super().__init__(networks, config, generator, processes)
        self.shown, self.weight = shown, weight

    def is_too_far(self, kl: Tensor) -> bool:
        """Who only imitates learns nothing from what was done: it may move as far as it likes."""
        return self.weight < 1.0 and super().is_too_far(kl)

    def loss(self, batch: Batch, outputs: Tensor, log_probs: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """PPO's and that of what was shown, weighted. The actions' deviations are left to PPO."""
        loss, figures = super().loss(batch, outputs, log_probs)
        off = self._off(log_probs.numel())
        return (1.0 - self.weight) * loss + self.weight * off, {**figures, "shown_off": off.detach()}

    def _off(self, count: int) -> Tensor:
        """How far the most likely actions are from those shown, in rows that are drawn: nats, mean."""
        device = self.shown.action.device
        rows = torch.randint(len(self.shown.action), (count,), generator=self.generator, device=device)
        seen = {self.policy.group: self.shown.observation[rows][None]}
        starts = torch.zeros(1, count, dtype=torch.bool, device=device)
        outputs = self.policy.sequence(seen, self.policy.initial_state(count), starts)
        return self.networks.actions.off(outputs, self.shown.action[rows][None]).mean()
