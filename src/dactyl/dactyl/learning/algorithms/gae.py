"""Generalized advantage estimation (appendix A.2)."""

from __future__ import annotations

import torch
from torch import Tensor

from dactyl.learning.rollout import Rollout


def advantages(rollout: Rollout, gamma: float, lam: float, *, bootstrap: bool = True) -> Tensor:
    """How much better each action was than the policy's average, (T, N).

    Nothing follows where an episode terminated; where it was truncated, what would have followed counts, unless it is
    said that it shall not.

    Args:
        rollout: its final values are not read but where an episode was truncated.
        gamma: discount factor.
        lam: weight of longer returns against shorter ones.
        bootstrap: whether anything follows where an episode was truncated.
    """
    values, terminated, truncated = rollout.values, rollout.terminated, rollout.truncated
    if not bootstrap:
        terminated, truncated = terminated | truncated, torch.zeros_like(truncated)
    next_values = torch.cat([values[1:], rollout.last_values.unsqueeze(0)])
    next_values = torch.where(truncated, rollout.final_values, next_values).masked_fill(terminated, 0.0)
    errors = rollout.rewards + gamma * next_values - values
    carry = gamma * lam * (~(terminated | truncated)).to(errors.dtype)
    result = torch.empty_like(errors)
    running = torch.zeros_like(rollout.last_values)
    for t in reversed(range(len(errors))):
        running = errors[t] + carry[t] * running
        result[t] = running
    return result
