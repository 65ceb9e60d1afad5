"""The value network's normalized targets."""

from __future__ import annotations

import pytest
import torch

from dactyl.errors import DactylError
from dactyl.learning.models.recurrent import Architecture
from dactyl.learning.models.value import Value


def test_new_statistics_leave_every_prediction_where_it_was() -> None:
    torch.manual_seed(0)
    value = Value(4, Architecture((8,), 6))
    x, state = torch.randn(5, 4), torch.randn(5, 12)
    value.observe(torch.randn(10, 3) * 2.0 + 1.0)
    before, _ = value.step({"value": x}, state)
    value.observe(torch.randn(10, 3) * 30.0 - 100.0)
    torch.testing.assert_close(value.step({"value": x}, state)[0], before, rtol=1e-4, atol=1e-4)


def test_the_loss_is_in_units_of_the_targets_deviation() -> None:
    value = Value(1, Architecture((2,), 0))
    torch.nn.init.zeros_(value.network.head.weight)
    value.observe(torch.tensor([[80.0], [120.0]]))
    torch.nn.init.zeros_(value.network.head.bias)  # predicts the mean, 100
    no = torch.zeros(1, 2, dtype=torch.bool)
    loss = value.loss({"value": torch.ones(1, 2, 1)}, torch.zeros(2, 0), no, torch.tensor([[80.0, 140.0]]))
    torch.testing.assert_close(loss, torch.tensor(0.5 * (1.0**2 + 2.0**2) / 2))


def test_one_that_sees_more_begins_with_what_a_narrower_one_knows() -> None:
    torch.manual_seed(0)
    narrow, wide = Value(4, Architecture((8,), 6)), Value(7, Architecture((8,), 6))
    narrow.observe(torch.randn(10, 3) * 30.0 - 100.0)
    wide.load_narrower(narrow.state_dict())
    x, state = torch.randn(5, 7), torch.randn(5, 12)
    torch.testing.assert_close(wide.step({"value": x}, state)[0], narrow.step({"value": x[:, :4]}, state)[0])


def test_images_are_refused() -> None:
    with pytest.raises(DactylError, match="no images"):
        Value(1, Architecture((2,), 0, {"camera": (1, 8, 8)}))
