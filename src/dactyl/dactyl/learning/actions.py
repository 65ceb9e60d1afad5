"""The action distribution: one independent categorical over 11 bins for each of the 20 actuators (section 4.2).

Functions of logits (..., actuators, bins) that are computed in float32 whatever the networks computed in.
"""

from __future__ import annotations

import torch
from torch import Tensor


def log_prob(logits: Tensor, bins: Tensor) -> Tensor:
    """Log-probability (...,) of bins (..., actuators): the sum over actuators."""
    chosen = logits.float().log_softmax(-1).gather(-1, bins.long().unsqueeze(-1))
    return chosen.squeeze(-1).sum(-1)


def entropy(logits: Tensor) -> Tensor:
    """Entropy (...,) in nats, summed over actuators; at most actuators * ln(bins)."""
    log_probs = logits.float().log_softmax(-1)
    return -(log_probs.exp() * log_probs).sum((-2, -1))


def divergence(target: Tensor, logits: Tensor) -> Tensor:
    """KL divergence (...,) from the target distribution to that of logits, in nats, summed over actuators."""
    expected = target.float().log_softmax(-1)
    return (expected.exp() * (expected - logits.float().log_softmax(-1))).sum((-2, -1))


def noise(like: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """The random numbers of one draw from logits `like`: exponential waiting times."""
    return torch.empty_like(like, dtype=torch.float32).exponential_(generator=generator)


def draw(logits: Tensor, waiting: Tensor) -> Tensor:
    """Bins (..., actuators) int64 from random numbers by `noise`; the same ones make neighbouring draws alike.

    The smallest of exponential waiting times with rates p is a draw from p; unlike `torch.multinomial` this needs no
    round trip from GPU to CPU.
    """
    return (logits.float().softmax(-1) / waiting).argmax(-1)


def sample(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Random bins (..., actuators) int64."""
    return draw(logits, noise(logits, generator))


def mode(logits: Tensor) -> Tensor:
    """The most likely bins (..., actuators) int64."""
    return logits.argmax(-1)
