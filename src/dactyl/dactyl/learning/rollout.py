"""Experience to learn from: some control steps of all environments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from dactyl.learning.models.actor_critic import ActorCritic


@dataclass
class Rollout:
    """T control steps of N environments, cut into sequences of L for training the recurrent networks."""

    observations: dict[str, Tensor]
    """Groups (T, N, *shape)."""
    policy_states: Tensor
    """(T / L, N, …) memory before each sequence"""
    value_states: Tensor
    """(T / L, N, …)"""
    starts: Tensor
    """(T, N) bool, an episode starts with this step"""
    actions: Tensor
    """(T, N, actuators) as they were drawn, of the type of `Actions.dtype`"""
    log_probs: Tensor
    """(T, N) of the actions when they were drawn"""
    values: Tensor
    """(T, N) predicted before the action"""
    rewards: Tensor
    """(T, N)"""
    terminated: Tensor
    """(T, N) bool"""
    truncated: Tensor
    """(T, N) bool"""
    final_values: Tensor
    """(T, N) predicted after the action where the episode was truncated"""
    last_values: Tensor
    """(N,) predicted after the last action"""

    @classmethod
    def empty(cls, observations: Mapping[str, Tensor], networks: ActorCritic, horizon: int, sequence: int) -> Rollout:
        """Room for `horizon` control steps, in sequences, of observations such as these, (N, *shape) each."""
        some = observations["value"]
        t, n, device = horizon, len(some), some.device

        def zeros(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros(*shape, dtype=dtype, device=device)

        return cls(
            observations={name: zeros(t, *seen.shape, dtype=seen.dtype) for name, seen in observations.items()},
            policy_states=zeros(t // sequence, n, networks.policy.state_size),
            value_states=zeros(t // sequence, n, networks.value.network.state_size),
            starts=zeros(t, n, dtype=torch.bool),
            actions=zeros(t, n, networks.actions.actuators, dtype=networks.actions.dtype),
            log_probs=zeros(t, n),
            values=zeros(t, n),
            rewards=zeros(t, n),
            terminated=zeros(t, n, dtype=torch.bool),
            truncated=zeros(t, n, dtype=torch.bool),
            final_values=zeros(t, n),
            last_values=zeros(n),
        )

    @property
    def sequence(self) -> int:
        """L, control steps in a sequence."""
        return len(self.rewards) // len(self.policy_states)
