"""Distributions of actions: bins and numbers."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from dactyl.learning.actions import DEVIATION, Actions, Categorical, Gaussian, choose

BINS = Categorical(2, 3)


def outputs(*probabilities: list[float]) -> torch.Tensor:
    """(1, outputs) that say these probabilities, a list for each actuator."""
    return torch.log(torch.tensor([[p for actuator in probabilities for p in actuator]]))


def test_bins_by_hand() -> None:
    logits = outputs([0.5, 0.25, 0.25], [0.1, 0.8, 0.1])
    torch.testing.assert_close(BINS.log_prob(logits, torch.tensor([[0, 1]])), torch.tensor([math.log(0.4)]))
    expected = 1.5 * math.log(2) + 0.8 * math.log(1.25) + 0.2 * math.log(10)
    torch.testing.assert_close(BINS.entropy(logits), torch.tensor([expected]))
    uniform = torch.tensor([2 * math.log(3) - expected])
    torch.testing.assert_close(BINS.divergence(logits, torch.zeros(1, 6)), uniform)
    assert BINS.mode(logits).tolist() == [[0, 1]]


def test_uniform_has_the_largest_entropy() -> None:
    torch.testing.assert_close(Categorical(20, 11).entropy(torch.zeros(220)), torch.tensor(20 * math.log(11)))


def test_samples_follow_the_probabilities_and_the_generator() -> None:
    probabilities = torch.tensor([0.7, 0.2, 0.1, 0.0])
    kind, logits = Categorical(1, 4), torch.log(probabilities).expand(20_000, 4)
    draw = kind.sample(logits, torch.Generator().manual_seed(1))
    frequencies = torch.bincount(draw.flatten(), minlength=4) / 20_000
    torch.testing.assert_close(frequencies, probabilities, atol=0.015, rtol=0.0)
    assert torch.equal(draw, kind.sample(logits, torch.Generator().manual_seed(1)))
    assert not torch.equal(draw, kind.sample(logits, torch.Generator().manual_seed(2)))


def test_numbers_are_those_of_the_normal_distribution() -> None:
    """Protects log_prob, entropy and divergence against torch's own."""
    kind = Gaussian(3)
    generator = torch.Generator().manual_seed(0)
    said, other, actions = (torch.randn(5, size, generator=generator) for size in (6, 6, 3))

    def normal(numbers: torch.Tensor) -> Independent:
        return Independent(Normal(numbers[:, :3], DEVIATION * numbers[:, 3:].exp()), 1)

    torch.testing.assert_close(kind.log_prob(said, actions), normal(said).log_prob(actions))
    torch.testing.assert_close(kind.entropy(said), normal(said).entropy())
    torch.testing.assert_close(kind.divergence(said, other), kl_divergence(normal(said), normal(other)))


def test_numbers_drawn_follow_the_moments_and_are_clipped_only_for_acting() -> None:
    kind = Gaussian(1)
    said = torch.tensor([[0.9, 0.0]]).expand(20_000, 2)
    drawn = kind.sample(said, torch.Generator().manual_seed(0))
    assert drawn.mean().item() == pytest.approx(0.9, abs=0.02)
    assert drawn.std().item() == pytest.approx(DEVIATION, abs=0.02)
    assert drawn.max() > 1.0
    assert kind.executed(drawn).max() == 1.0
    assert kind.mode(said)[0].item() == pytest.approx(0.9)


@pytest.mark.parametrize("kind", [choose(4, 11), choose(4, 0)])
def test_actions_survive_being_stored_and_half_precision(kind: Actions) -> None:
    said = torch.randn(6, kind.outputs)
    drawn = kind.sample(said)
    assert drawn.shape == (6, 4)
    stored = drawn.to(kind.dtype)
    torch.testing.assert_close(kind.log_prob(said, stored), kind.log_prob(said, drawn))
    assert kind.log_prob(said.bfloat16(), stored).dtype == torch.float32
