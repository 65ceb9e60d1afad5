"""What one gradient step learns from: sequences of a rollout, gathered once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from dactyl.learning.rollout import Rollout


class Batch(NamedTuple):
    """B sequences of L control steps."""

    observations: dict[str, Tensor]
    """Groups (L, B, *shape)."""
    policy_states: Tensor
    """(B, …) memory before each sequence"""
    value_states: Tensor
    """(B, …)"""
    starts: Tensor
    """(L, B) bool, an episode starts with this step"""
    actions: Tensor
    """(L, B, actuators)"""
    log_probs: Tensor
    """(L, B) of the actions when they were drawn"""
    advantages: Tensor
    """(L, B)"""
    returns: Tensor
    """(L, B)"""


class Experience(NamedTuple):
    """A rollout and what was found out about it."""

    rollout: Rollout
    advantages: Tensor
    """(T, N)"""
    returns: Tensor
    """(T, N)"""

    def minibatches(self, number: int, size: int, generator: torch.Generator) -> Iterator[Batch]:
        """Random sequences without repetition until all were used, then again.

        Args:
            number: of batches.
            size: sequences in each, or all there are.
            generator: shuffles.
        """
        starts, environments = self.rollout.policy_states.shape[:2]
        size = min(size, starts * environments)
        order = torch.empty(0, dtype=torch.int64, device=self.returns.device)
        for _ in range(number):
            if len(order) < size:
                order = torch.randperm(starts * environments, generator=generator, device=order.device)
            chosen, order = order[:size], order[size:]
            yield self.pack(chosen // environments, chosen % environments)

    def pack(self, number: Tensor, environment: Tensor) -> Batch:
        """The sequences with these numbers (B,), counted in time, of these environments (B,)."""
        rollout = self.rollout

        def gather(x: Tensor) -> Tensor:
            """(T, N, …) -> (L, B, …)."""
            return x.unflatten(0, (-1, rollout.sequence))[number, :, environment].transpose(0, 1)

        return Batch(
            observations={name: gather(seen) for name, seen in rollout.observations.items()},
            policy_states=rollout.policy_states[number, environment],
            value_states=rollout.value_states[number, environment],
            starts=gather(rollout.starts),
            actions=gather(rollout.actions),
            log_probs=gather(rollout.log_probs),
            advantages=gather(self.advantages),
            returns=gather(self.returns),
        )
