"""Minibatches: every sequence once before any again, and each whole."""

from __future__ import annotations

import torch

from dactyl.learning.batch import Experience
from tests.learning.test_collector import collector
from tests.learning.toys import Bandit


def experience(num_envs: int, horizon: int, sequence: int) -> Experience:
    """Whose advantages are 100 t + environment."""
    rollout = collector(Bandit(num_envs), horizon=horizon, sequence=sequence).collect()
    numbers = torch.arange(horizon).unsqueeze(-1) * 100 + torch.arange(num_envs)
    return Experience(rollout, numbers, -numbers)


def test_every_sequence_is_used_once_before_any_is_used_again() -> None:
    some = experience(64, 16, 8)
    batches = list(some.minibatches(8, 32, torch.Generator().manual_seed(0)))
    used = [batch.advantages[0].tolist() for batch in batches]
    assert [len(batch) for batch in used] == [32] * 8
    for epoch in (used[:4], used[4:]):
        firsts = sorted(first for batch in epoch for first in batch)
        assert firsts == [100 * t + environment for t in (0, 8) for environment in range(64)]
    assert used[0] != used[4]


def test_a_batch_is_no_larger_than_what_there_is() -> None:
    (batch,) = experience(3, 8, 4).minibatches(1, 100, torch.Generator())
    assert batch.starts.shape == (4, 6)


def test_a_sequence_holds_consecutive_steps_of_one_environment() -> None:
    some = experience(3, 8, 4)
    batch = some.pack(torch.tensor([1, 0]), torch.tensor([2, 1]))
    assert batch.advantages.T.tolist() == [[402, 502, 602, 702], [1, 101, 201, 301]]
    assert torch.equal(batch.returns, -batch.advantages)
    rollout = some.rollout
    assert torch.equal(batch.actions[:, 0], rollout.actions[4:, 2])
    assert torch.equal(batch.observations["policy"][:, 1], rollout.observations["policy"][:4, 1])
    assert torch.equal(batch.log_probs[:, 1], rollout.log_probs[:4, 1])
    assert torch.equal(batch.policy_states[0], rollout.policy_states[1, 2])
    assert torch.equal(batch.value_states[1], rollout.value_states[0, 1])
