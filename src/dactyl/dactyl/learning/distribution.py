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


def sample(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Random bins (..., actuators) int64.

    The smallest of exponential waiting times with rates p is a draw from p; unlike `torch.multinomial` this needs no
    round trip from GPU to CPU.
    """
    waiting = torch.empty_like(logits, dtype=torch.float32).exponential_(generator=generator)
    return (logits.float().softmax(-1) / waiting).argmax(-1)


def mode(logits: Tensor) -> Tensor:
    """The most likely bins (..., actuators) int64."""
    return logits.argmax(-1)
