"""The policy and value network (Figure 12): normalizer -> dense layers -> LSTM -> linear head. Both are a `Network`.

Observations are groups by name, each (N, *shape). A network sees the vector of the group of its own name, "policy" or
"value"; a policy's may also see groups that hold images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor, nn

from dactyl.errors import DactylError
from dactyl.learning.models.convolutional import Encoder
from dactyl.learning.normalizer import RunningNormalizer

RELU, ELU = "relu", "elu"
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {RELU: torch.relu, ELU: nn.functional.elu}
"""What a dense layer's sums go through, by name."""


@dataclass(frozen=True)
class Architecture:
    """Sizes of a network; the defaults are the paper's (Table 10)."""

    dense: tuple[int, ...] = (1024,)
    """Widths of the dense layers."""
    lstm: int = 512
    """Width of the LSTM; 0 leaves it out: the feed-forward networks of Table 5."""
    images: dict[str, tuple[int, int, int]] = field(default_factory=dict, hash=False)
    """Groups of images that it sees beside its vector: (channels, height, width) by name."""
    convolutions: tuple[int, ...] = (16, 32, 32)
    """Channels of the layers that look at each group of images."""
    activation: str = RELU
    """Of the dense layers, one of `ACTIVATIONS`. Layers that look at images have ReLU."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dense", tuple(self.dense))
        object.__setattr__(self, "convolutions", tuple(self.convolutions))
        object.__setattr__(self, "images", {name: tuple(shape) for name, shape in self.images.items()})
        for name in ("dense", "convolutions"):
            if not all(isinstance(size, int) and size > 0 for size in getattr(self, name)):
                raise DactylError(f"{name} layers need widths of at least 1, not {list(getattr(self, name))}")
        if not isinstance(self.lstm, int) or self.lstm < 0:
            raise DactylError(f"lstm needs a width, or 0 for none, not {self.lstm!r}")
        if self.activation not in tuple(ACTIVATIONS):
            raise DactylError(f"activation {self.activation!r} is none of: {', '.join(ACTIVATIONS)}")


class Network(nn.Module):
    """Maps observations to outputs, with memory.

    The memory of n environments is one tensor (n, state_size), zero at the start of an episode: the LSTM's hidden and
    cell state side by side, or nothing (state_size 0) for a feed-forward network.
    """

    def __init__(
        self,
        group: str,
        inputs: int,
        outputs: int,
        architecture: Architecture,
        *,
        head_gain: float = 1.0,
        constants: int = 0,
    ) -> None:
        """Randomly initialized.

        Args:
            group: "policy" or "value": whose vector it sees.
            inputs: length of that vector.
            outputs: how many numbers it gives.
            architecture: what is in between, and the images it sees.
            head_gain: scales the initial outputs.
            constants: so many of the outputs, the last ones, are learned numbers that depend on nothing.
        """
        super().__init__()
        self.group = group
        self.inputs = inputs
        self.outputs = outputs
        self.activation = architecture.activation
        self.normalizer = RunningNormalizer(inputs)
        encoders = {name: Encoder(shape, architecture.convolutions) for name, shape in architecture.images.items()}
        self.encoders = nn.ModuleDict(encoders)
        features = sum(encoder.features for encoder in encoders.values())
        widths = [features + inputs, *architecture.dense]
        self.dense = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.lstm = nn.LSTM(widths[-1], architecture.lstm) if architecture.lstm else None
        self.state_size = 2 * architecture.lstm
        self.head = nn.Linear(architecture.lstm or widths[-1], outputs - constants)
        self.constants = nn.Parameter(torch.zeros(constants)) if constants else None
        self._initialize(head_gain)

    @torch.no_grad()
    def _initialize(self, head_gain: float) -> None:
        for layer in self.dense.children():
            assert isinstance(layer, nn.Linear)
            nn.init.orthogonal_(layer.weight, 2**0.5)
            nn.init.zeros_(layer.bias)
        if self.lstm is not None:
            for name, parameter in self.lstm.named_parameters():
                if name.startswith("weight"):
                    nn.init.orthogonal_(parameter)
                else:
                    nn.init.zeros_(parameter)
                if name == "bias_ih_l0":
                    parameter.chunk(4)[1].fill_(1.0)  # the forget gate: start by remembering
        nn.init.orthogonal_(self.head.weight, head_gain)
        nn.init.zeros_(self.head.bias)

    def load_narrower(self, state: Mapping[str, Tensor]) -> None:
        """Take the tensors of a network that sees only the first inputs: the others count for nothing at first.

        Their scales stay as this network's normalizer has them.

        Raises:
            RuntimeError: it differs in more than its inputs.
        """
        own, widened = self.state_dict(), dict(state)
        first = next(name for name in own if name.startswith(("dense.", "lstm.", "head.")))
        for name in ("normalizer.mean", "normalizer.variance", first):
            if name in state:
                others = own[name][..., state[name].shape[-1] :]
                others = torch.zeros_like(others) if name == first else others
                widened[name] = torch.cat([state[name].to(others.device), others], -1)
        self.load_state_dict(widened)

    def initial_state(self, n: int) -> Tensor:
        """Memory of n environments at the start of an episode, (n, state_size)."""
        return torch.zeros(n, self.state_size, device=self.head.weight.device)

    def step(self, x: Mapping[str, Tensor], state: Tensor) -> tuple[Tensor, Tensor]:
        """One control step: groups (n, *shape), state (n, state_size) -> outputs (n, outputs), new state."""
        features = self._features(x)
        if self.lstm is not None:
            h, c = state.to(features.dtype).chunk(2, -1)
            # ten times faster than calling the module for one environment: that rearranges its weights every time
            features, c = torch.lstm_cell(features, (h, c), *self.lstm.parameters())
            state = torch.cat([features, c], -1).float()
        return self._outputs(features), state

    def sequence(self, x: Mapping[str, Tensor], state: Tensor, starts: Tensor) -> Tensor:
        """Many control steps at once; the same as calling `step` and zeroing the state where an episode starts.

        Args:
            x: groups (T, n, *shape) by name, of which it takes what it sees.
            state: (n, state_size) before the first step.
            starts: (T, n) bool, an episode starts with this step.

        Returns:
            outputs (T, n, outputs).
        """
        features = self._features(x)
        if self.lstm is not None:
            features = self._remember(features, state.masked_fill(starts[0].unsqueeze(-1), 0.0), starts)
        return self._outputs(features)

    def _features(self, x: Mapping[str, Tensor]) -> Tensor:
        features = self.normalizer(x[self.group])
        if self.encoders:  # the vector comes last, see `load_narrower`
            seen = [encoder(x[name]) for name, encoder in self.encoders.items()]
            features = torch.cat([*seen, features], -1)
        activate = ACTIVATIONS[self.activation]
        for layer in self.dense:
            features = activate(layer(features))
        return features

    def _outputs(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):  # probabilities and values need float32
            outputs = self.head(features.float())
        if self.constants is None:
            return outputs
        return torch.cat([outputs, self.constants.expand(*outputs.shape[:-1], -1)], -1)

    def _remember(self, features: Tensor, state: Tensor, starts: Tensor) -> Tensor:
        """The LSTM over (T, n, size), each episode a row of its own so that one call of the fast kernel does it all."""
        assert self.lstm is not None
        first = starts.clone()
        first[0] = True
        rows = int(first.sum())
        state = state.to(features.dtype)
        if rows == len(state):
            return self.lstm(features, _split(state))[0]
        time = torch.arange(len(features), device=features.device).unsqueeze(-1)
        began = torch.where(first, time, 0).cummax(0).values
        row = first.T.flatten().cumsum(0).view(first.T.shape).T - 1
        padded = features.new_zeros(len(features), rows, features.shape[-1])
        padded[time - began, row] = features
        padded_state = state.new_zeros(rows, self.state_size)
        padded_state[row[0]] = state
        return self.lstm(padded, _split(padded_state))[0][time - began, row]


def _split(state: Tensor) -> tuple[Tensor, Tensor]:
    """A state (n, 2 size) as the LSTM takes it: hidden and cell state, each (1, n, size)."""
    h, c = state.unsqueeze(0).chunk(2, -1)
    return h.contiguous(), c.contiguous()
