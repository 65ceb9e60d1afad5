"""Generalized advantage estimation (appendix A.2)."""

from __future__ import annotations

import torch
from torch import Tensor


def advantages(
    rewards: Tensor,
    values: Tensor,
    last_values: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    final_values: Tensor,
    gamma: float,
    lam: float,
) -> Tensor:
    """How much better each action was than the policy's average, (T, n).

    Args:
        rewards: (T, n) that followed the actions.
        values: (T, n) of the states in which the actions were taken.
        last_values: (n,) of the states after the last action.
        terminated: (T, n) bool, the episode ended with this action: nothing follows.
        truncated: (T, n) bool, the episode was cut after this action: what would have followed counts.
        final_values: (T, n) of the states in which truncated episodes were cut; not read elsewhere.
        gamma: discount factor.
        lam: weight of longer returns against shorter ones.
    """
    next_values = torch.cat([values[1:], last_values.unsqueeze(0)])
    next_values = torch.where(truncated, final_values, next_values).masked_fill(terminated, 0.0)
    errors = rewards + gamma * next_values - values
    carry = gamma * lam * (~(terminated | truncated)).to(rewards.dtype)
    result = torch.empty_like(errors)
    running = torch.zeros_like(last_values)
    for t in reversed(range(len(errors))):
        running = errors[t] + carry[t] * running
        result[t] = running
    return result
