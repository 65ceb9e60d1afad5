"""What a policy's network says about actions: a draw among bins, or a normal distribution, for each actuator.

Both kinds are functions of the network's outputs (..., outputs), computed in float32 whatever the networks computed in.
The policy's contract chooses by its `bins`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from dactyl.errors import DactylError

_NO_DENSITY = "a diffusion policy says no probabilities of its actions: PPO cannot improve it"
DEVIATION = 0.5  # of a normal distribution at first, in units of action: half the way to the end


@dataclass(frozen=True)
class Actions(ABC):
    """The distribution of the actions (..., actuators) of one robot. Actuators are independent of each other."""

    actuators: int

    @property
    @abstractmethod
    def outputs(self) -> int:
        """How many numbers the network gives."""

    @property
    def constants(self) -> int:
        """How many of these, the last ones, are learned without a look at the observation."""
        return 0

    @property
    @abstractmethod
    def dtype(self) -> torch.dtype:
        """What actions are stored as."""

    @abstractmethod
    def noise(self, n: int, device: torch.device, generator: torch.Generator | None = None) -> Tensor:
        """The random numbers of n draws, (n, ...)."""

    @abstractmethod
    def draw(self, outputs: Tensor, noise: Tensor) -> Tensor:
        """Actions (n, actuators) from random numbers by `noise`; the same ones make neighbouring draws alike."""

    def sample(self, outputs: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Random actions (n, actuators) for outputs (n, outputs)."""
        return self.draw(outputs, self.noise(len(outputs), outputs.device, generator))

    @abstractmethod
    def mode(self, outputs: Tensor) -> Tensor:
        """The most likely actions (..., actuators)."""

    def executed(self, actions: Tensor) -> Tensor:
        """What the environment is given for actions that were drawn."""
        return actions

    exported_as: ClassVar[str]
    """Name of ..."""

    @abstractmethod
    def exported(self, outputs: Tensor) -> Tensor:
        """... what other programs are given, (..., *shape)."""

    def beyond(self, outputs: Tensor) -> Tensor:
        """How far the most likely actions lie beyond what one can be, (...,): squared and summed over actuators."""
        return torch.zeros_like(outputs[..., 0])

    def off(self, outputs: Tensor, actions: Tensor) -> Tensor:
        """How much less probable actions (..., actuators) are than the most likely ones, nats (...,).

        Deviations are taken as they are: to make this smaller moves the most likely actions alone.

        Raises:
            DactylError: actions are no numbers.
        """
        raise DactylError("only actions that are numbers can be shown")

    @abstractmethod
    def log_prob(self, outputs: Tensor, actions: Tensor) -> Tensor:
        """Log-probability or log-density (...,) of actions (..., actuators): the sum over actuators."""

    @abstractmethod
    def entropy(self, outputs: Tensor) -> Tensor:
        """Entropy (...,) in nats, summed over actuators."""

    @abstractmethod
    def divergence(self, target: Tensor, outputs: Tensor) -> Tensor:
        """KL divergence (...,) from the distribution of outputs `target` to that of `outputs`, in nats, summed."""


@dataclass(frozen=True)
class Categorical(Actions):
    """One bin of several for each actuator (section 4.2): actions are int64; outputs are logits."""

    bins: int
    exported_as = "logits"

    @property
    def outputs(self) -> int:
        return self.actuators * self.bins

    @property
    def dtype(self) -> torch.dtype:
        return torch.uint8

    def exported(self, outputs: Tensor) -> Tensor:
        """Logits (..., actuators, bins)."""
        return outputs.unflatten(-1, (self.actuators, self.bins))

    def noise(self, n: int, device: torch.device, generator: torch.Generator | None = None) -> Tensor:
        """Exponential waiting times (n, actuators, bins)."""
        return torch.empty(n, self.actuators, self.bins, device=device).exponential_(generator=generator)

    def draw(self, outputs: Tensor, noise: Tensor) -> Tensor:
        # The smallest of exponential waiting times with rates p is a draw from p; unlike `torch.multinomial` this
        # needs no round trip from GPU to CPU.
        return (self.exported(outputs).float().softmax(-1) / noise).argmax(-1)

    def mode(self, outputs: Tensor) -> Tensor:
        return self.exported(outputs).argmax(-1)

    def log_prob(self, outputs: Tensor, actions: Tensor) -> Tensor:
        chosen = self._log_probs(outputs).gather(-1, actions.long().unsqueeze(-1))
        return chosen.squeeze(-1).sum(-1)

    def entropy(self, outputs: Tensor) -> Tensor:
        log_probs = self._log_probs(outputs)
        return -(log_probs.exp() * log_probs).sum((-2, -1))

    def divergence(self, target: Tensor, outputs: Tensor) -> Tensor:
        expected = self._log_probs(target)
        return (expected.exp() * (expected - self._log_probs(outputs))).sum((-2, -1))

    def _log_probs(self, outputs: Tensor) -> Tensor:
        return self.exported(outputs).float().log_softmax(-1)


@dataclass(frozen=True)
class Gaussian(Actions):
    """A number for each actuator, normally distributed: outputs are means, then logarithms of deviations.

    The deviations are learned but do not depend on the observation. Numbers beyond [-1, 1] are drawn, and their density
    counts, but what the environment is given is clipped.
    """

    exported_as = "mean"

    @property
    def outputs(self) -> int:
        return 2 * self.actuators

    @property
    def constants(self) -> int:
        return self.actuators

    @property
    def dtype(self) -> torch.dtype:
        return torch.float32

    def noise(self, n: int, device: torch.device, generator: torch.Generator | None = None) -> Tensor:
        """Standard normal numbers (n, actuators)."""
        return torch.empty(n, self.actuators, device=device).normal_(generator=generator)

    def draw(self, outputs: Tensor, noise: Tensor) -> Tensor:
        mean, log_std = self._moments(outputs)
        return mean + log_std.exp() * noise

    def mode(self, outputs: Tensor) -> Tensor:
        return self._moments(outputs)[0]

    def executed(self, actions: Tensor) -> Tensor:
        return actions.clamp(-1.0, 1.0)

    def beyond(self, outputs: Tensor) -> Tensor:
        return (self.mode(outputs).abs() - 1.0).clamp(min=0.0).square().sum(-1)

    def exported(self, outputs: Tensor) -> Tensor:
        """Means (..., actuators), clipped."""
        return self.executed(self.mode(outputs))

    def log_prob(self, outputs: Tensor, actions: Tensor) -> Tensor:
        mean, log_std = self._moments(outputs)
        standard = (actions - mean) / log_std.exp()
        return -(0.5 * standard.square() + log_std + 0.5 * math.log(2.0 * math.pi)).sum(-1)

    def entropy(self, outputs: Tensor) -> Tensor:
        return (self._moments(outputs)[1] + 0.5 * math.log(2.0 * math.pi * math.e)).sum(-1)

    def off(self, outputs: Tensor, actions: Tensor) -> Tensor:
        mean, log_std = self._moments(outputs)
        return 0.5 * ((actions - mean) / log_std.detach().exp()).square().sum(-1)

    def divergence(self, target: Tensor, outputs: Tensor) -> Tensor:
        (mean, log_std), (other, other_log_std) = self._moments(target), self._moments(outputs)
        spread = ((2.0 * log_std).exp() + (mean - other).square()) / (2.0 * other_log_std).exp()
        return (other_log_std - log_std + 0.5 * (spread - 1.0)).sum(-1)

    def _moments(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Means and logarithms of deviations, (..., actuators) each."""
        mean, log_std = outputs.float().chunk(2, -1)
        return mean, log_std + math.log(DEVIATION)


@dataclass(frozen=True)
class Chosen(Actions):
    """Numbers that the network gives as they are, whatever chance went into them: a diffusion policy's."""

    exported_as = "action"

    @property
    def outputs(self) -> int:
        return self.actuators

    @property
    def dtype(self) -> torch.dtype:
        return torch.float32

    def noise(self, n: int, device: torch.device, generator: torch.Generator | None = None) -> Tensor:
        """Nothing, (n, 0)."""
        return torch.empty(n, 0, device=device)

    def draw(self, outputs: Tensor, noise: Tensor) -> Tensor:
        return outputs

    def mode(self, outputs: Tensor) -> Tensor:
        return outputs

    def executed(self, actions: Tensor) -> Tensor:
        return actions.clamp(-1.0, 1.0)

    def exported(self, outputs: Tensor) -> Tensor:
        """Actions (..., actuators)."""
        return self.executed(outputs)

    def log_prob(self, outputs: Tensor, actions: Tensor) -> Tensor:
        raise DactylError(_NO_DENSITY)

    def entropy(self, outputs: Tensor) -> Tensor:
        raise DactylError(_NO_DENSITY)

    def divergence(self, target: Tensor, outputs: Tensor) -> Tensor:
        raise DactylError(_NO_DENSITY)


def choose(actuators: int, bins: int) -> Actions:
    """The kind of actions that a policy of so many actuators and bins has; with 0 bins they are numbers."""
    return Categorical(actuators, bins) if bins else Gaussian(actuators)
