"""The value network with its targets normalized by running statistics (appendix D.1)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from dactyl.errors import DactylError
from dactyl.learning.models.recurrent import Architecture, Network
from dactyl.learning.normalizer import RunningNormalizer
from dactyl.learning.process_group import ALONE, ProcessGroup

HORIZON = 3e7  # returns whose statistics count: they grow from -1 to 100 as a policy learns


class Value(nn.Module):
    """Predicts discounted sums of rewards."""

    def __init__(self, inputs: int, architecture: Architecture) -> None:
        super().__init__()
        if architecture.images:
            raise DactylError("value: the value network sees the simulation's truth, and no images")
        self.network = Network("value", inputs, 1, architecture)
        self.targets = RunningNormalizer(1, HORIZON)

    def step(self, x: Mapping[str, Tensor], state: Tensor) -> tuple[Tensor, Tensor]:
        """One control step: groups, of them "value" (n, inputs), state (n, state_size) -> values (n,), new state."""
        output, state = self.network.step(x, state)
        return (output * self.targets.std + self.targets.mean.float()).squeeze(-1), state

    def loss(self, x: Mapping[str, Tensor], state: Tensor, starts: Tensor, returns: Tensor) -> Tensor:
        """Squared error of the normalized prediction of returns (T, n); arguments as in `Network.sequence`."""
        target = (returns - self.targets.mean.float()) / self.targets.std
        return 0.5 * (self.network.sequence(x, state, starts).squeeze(-1) - target).square().mean()

    def load_narrower(self, state: Mapping[str, Tensor]) -> None:
        """Take the tensors of a value network that sees only the first inputs, as `Network.load_narrower` does."""
        parts: dict[str, dict[str, Tensor]] = {"network": {}, "targets": {}}
        for name, tensor in state.items():
            part, _, key = name.partition(".")
            parts[part][key] = tensor
        self.network.load_narrower(parts["network"])
        self.targets.load_state_dict(parts["targets"])

    @torch.no_grad()
    def observe(self, returns: Tensor, processes: ProcessGroup = ALONE) -> None:
        """Update the statistics of the targets, and the last layer so that every prediction stays what it was."""
        mean, std = self.targets.mean.float(), self.targets.std
        self.targets.update(returns.flatten().unsqueeze(-1), processes)
        new_mean, new_std = self.targets.mean.float(), self.targets.std
        self.network.head.weight.mul_((std / new_std).unsqueeze(-1))
        self.network.head.bias.mul_(std).add_(mean - new_mean).div_(new_std)
