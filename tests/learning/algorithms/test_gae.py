"""Generalized advantage estimation against its definition."""

from __future__ import annotations

import torch

from dactyl.learning.algorithms import gae
from dactyl.learning.rollout import Rollout


def rollout(rewards, values, last, terminated, truncated, final) -> Rollout:
    """With nothing in it but what counts here."""
    nothing = torch.zeros(0)
    return Rollout(
        observations={},
        policy_states=nothing,
        value_states=nothing,
        starts=nothing,
        actions=nothing,
        log_probs=nothing,
        values=values,
        rewards=rewards,
        terminated=terminated,
        truncated=truncated,
        final_values=final,
        last_values=last,
    )


def slow(rewards, values, last, terminated, truncated, final, gamma, lam):
    """Appendix A.2 word by word for one world: (1 - lam) sum lam^(k-1) V^(k), the longest return taking the rest."""
    steps, result = len(rewards), []
    for t in range(steps):
        returns, discounted = [], 0.0
        for k, i in enumerate(range(t, steps), start=1):
            discounted += gamma ** (k - 1) * rewards[i]
            after = 0.0 if terminated[i] else final[i] if truncated[i] else values[i + 1] if i + 1 < steps else last
            returns.append(discounted + gamma**k * after)
            if terminated[i] or truncated[i]:
                break
        weights = [(1 - lam) * lam**j for j in range(len(returns) - 1)] + [lam ** (len(returns) - 1)]
        result.append(sum(w * r for w, r in zip(weights, returns, strict=True)) - values[t])
    return result


def test_equals_the_definition_across_episode_ends() -> None:
    generator = torch.Generator().manual_seed(0)
    t, n = 12, 5
    rewards, values, final = (torch.randn(t, n, generator=generator, dtype=torch.float64) for _ in range(3))
    last = torch.randn(n, generator=generator, dtype=torch.float64)
    kind = torch.randint(6, (t, n), generator=generator)
    terminated, truncated = kind == 0, kind == 1
    fast = gae.advantages(rollout(rewards, values, last, terminated, truncated, final), 0.9, 0.8)
    for world in range(n):
        columns = [x[:, world].tolist() for x in (rewards, values, terminated, truncated, final)]
        expected = slow(columns[0], columns[1], last[world].item(), *columns[2:], 0.9, 0.8)
        torch.testing.assert_close(fast[:, world], torch.tensor(expected, dtype=torch.float64))


def test_numbers_at_ends_that_must_not_be_read_are_not_read() -> None:
    one = torch.ones(1, 1)
    no = torch.zeros(1, 1, dtype=torch.bool)
    poison = torch.full((1, 1), torch.nan)
    ended = gae.advantages(rollout(one, one, poison[0], ~no, no, poison), 0.9, 0.8)
    going = gae.advantages(rollout(one, one, one[0], no, no, poison), 0.9, 0.8)
    cut = gae.advantages(rollout(one, one, poison[0], no, ~no, one), 0.9, 0.8)
    assert ended.item() == 0.0
    assert going.item() == cut.item()
    assert abs(cut.item() - 0.9) < 1e-6


def test_without_bootstrapping_nothing_follows_a_cut() -> None:
    """The paper mentions no time limit that is worth the future: the clock then ends an episode as a loss does."""
    one = torch.ones(1, 1)
    no = torch.zeros(1, 1, dtype=torch.bool)
    poison = torch.full((1, 1), torch.nan)
    cut = gae.advantages(rollout(one, one, poison[0], no, ~no, poison), 0.9, 0.8, bootstrap=False)
    assert cut.item() == 0.0
