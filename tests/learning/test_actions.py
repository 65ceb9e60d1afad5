"""The categorical action distribution."""

from __future__ import annotations

import math

import torch

from dactyl.learning import actions as distribution


def test_log_prob_entropy_and_mode_by_hand() -> None:
    logits = torch.log(torch.tensor([[[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]]]))
    torch.testing.assert_close(distribution.log_prob(logits, torch.tensor([[0, 1]])), torch.tensor([math.log(0.4)]))
    expected = 1.5 * math.log(2) + 0.8 * math.log(1.25) + 0.2 * math.log(10)
    torch.testing.assert_close(distribution.entropy(logits), torch.tensor([expected]))
    assert distribution.mode(logits).tolist() == [[0, 1]]


def test_uniform_has_the_largest_entropy() -> None:
    torch.testing.assert_close(distribution.entropy(torch.zeros(20, 11)), torch.tensor(20 * math.log(11)))


def test_samples_follow_the_probabilities_and_the_generator() -> None:
    probabilities = torch.tensor([0.7, 0.2, 0.1, 0.0])
    logits = torch.log(probabilities).expand(20_000, 1, 4)
    draw = distribution.sample(logits, torch.Generator().manual_seed(1))
    frequencies = torch.bincount(draw.flatten(), minlength=4) / 20_000
    torch.testing.assert_close(frequencies, probabilities, atol=0.015, rtol=0.0)
    assert torch.equal(draw, distribution.sample(logits, torch.Generator().manual_seed(1)))
    assert not torch.equal(draw, distribution.sample(logits, torch.Generator().manual_seed(2)))


def test_bins_stored_as_bytes_and_half_precision_logits_work() -> None:
    logits = torch.randn(4, 20, 11)
    bins = distribution.sample(logits)
    torch.testing.assert_close(distribution.log_prob(logits, bins.to(torch.uint8)), distribution.log_prob(logits, bins))
    assert distribution.log_prob(logits.bfloat16(), bins).dtype == torch.float32
