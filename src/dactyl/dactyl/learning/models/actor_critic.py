"""The two networks of a training, and what the policy's outputs mean."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from dactyl.learning.actions import Actions
from dactyl.learning.models.recurrent import Network
from dactyl.learning.models.value import Value


@dataclass
class ActorCritic:
    """What acts, what judges, and how precisely they compute."""

    policy: Network
    value: Value
    actions: Actions
    """What the policy's outputs say."""
    bf16: bool = False
    """Matrices are multiplied in bfloat16; probabilities, values and losses stay in float32."""

    @property
    def device(self) -> torch.device:
        """Where both compute."""
        return self.policy.head.weight.device

    def autocast(self) -> torch.autocast:
        """The networks are used within this."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)
