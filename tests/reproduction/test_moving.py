"""The moving average of Figures 8 and 9."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.errors import DactylError
from dactyl.reproduction.moving import moving


def test_a_constant_series_is_its_own_mean_without_doubt() -> None:
    found = moving(np.full(50, 3.0), 10.0)
    assert found.mean == pytest.approx(np.full(50, 3.0))
    assert found.low[5:] == pytest.approx(found.high[5:], abs=1e-6)


def test_a_span_of_one_keeps_every_value_and_knows_no_interval() -> None:
    values = np.array([1.0, 5.0, 2.0])
    found = moving(values, 1.0)
    assert found.mean == pytest.approx(values)
    assert np.isnan(found.low).all()
    assert np.isnan(found.high).all()


def test_the_weights_by_hand() -> None:
    """A span of 3: each value has half the weight of the next."""
    found = moving(np.array([4.0, 0.0, 8.0]), 3.0)
    assert found.mean == pytest.approx([4.0, (0.5 * 4.0) / 1.5, (0.25 * 4.0 + 8.0) / 1.75])
    assert np.isnan(found.low[0]), "one value says nothing of its spread"


def test_the_interval_holds_the_truth_in_nine_of_ten_cases() -> None:
    random = np.random.default_rng(0)
    inside = []
    for _ in range(600):
        found = moving(random.normal(2.0, 1.0, 120), 40.0)
        inside.append(found.low[-1] <= 2.0 <= found.high[-1])
    assert 0.85 <= np.mean(inside) <= 0.95


@pytest.mark.parametrize(
    ("values", "span"), [([], 3.0), ([1.0, np.nan], 3.0), ([1.0, np.inf], 3.0), ([1.0], 0.5), ([1.0], np.nan)]
)
def test_numbers_that_are_none_are_refused(values: list[float], span: float) -> None:
    with pytest.raises(DactylError, match="finite"):
        moving(np.array(values, float), span)
