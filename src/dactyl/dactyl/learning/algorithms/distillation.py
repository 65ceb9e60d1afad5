"""Imitation of a teacher, in the situations that the policy gets itself into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from dactyl.learning.algorithms.guided import Guided
from dactyl.learning.algorithms.teacher import Teacher, shown
from dactyl.learning.batch import Batch


class Distillation(Guided):
    """PPO that is told the divergence of the teacher from the policy."""

    figure: ClassVar[str] = "imitation_kl"

    def __init__(self, *common: Any, teacher: Teacher, weight: float) -> None:
        """As `Guided`; the teacher begins each sequence without memory, if it has any. What it sees: see `shown`."""
        super().__init__(*common, weight=weight)
        self.teacher = teacher

    def off(self, batch: Batch, outputs: Tensor) -> Tensor:
        """The divergence, nats, mean."""
        target = self._teach(batch.observations, batch.starts)
        return self.networks.actions.divergence(target, outputs).mean()

    @torch.no_grad()
    def _teach(self, observations: Mapping[str, Tensor], starts: Tensor) -> Tensor:
        """What the teacher would do: outputs (L, B, outputs)."""
        state = self.teacher.initial_state(starts.shape[1])
        return self.teacher.sequence(shown(self.teacher, observations), state, starts)
