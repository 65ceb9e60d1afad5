"""What stated errors are worth."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.vision import reliability


def test_the_table_goes_from_sure_to_unsure() -> None:
    stated = np.array([5.0, 1.0, 3.0, 2.0, 4.0, 6.0])
    rows = reliability.table(stated, 2.0 * stated, parts=3)
    assert [row["stated"] for row in rows] == [1.5, 3.5, 5.5]
    assert [row["actual"] for row in rows] == [3.0, 7.0, 11.0]
    assert [row["samples"] for row in rows] == [2, 2, 2]
    assert len(reliability.table(stated[:2], stated[:2], parts=6)) == 2


def test_the_area_is_zero_for_the_right_order_and_random_for_none() -> None:
    """Protects the figure: 0, the random value, and worse than random for the wrong way round."""
    actual = np.random.default_rng(0).exponential(size=4000)
    perfect = reliability.sparsification(actual**2, actual)
    assert perfect["area"] == pytest.approx(0.0, abs=1e-12)
    shuffled = reliability.sparsification(np.random.default_rng(1).permutation(actual), actual)
    assert shuffled["area"] == pytest.approx(shuffled["random"], abs=0.05)
    assert reliability.sparsification(-actual, actual)["area"] > 1.5 * shuffled["random"]


def test_leaving_out_by_hand() -> None:
    actual = np.array([1.0, 2.0, 6.0])
    np.testing.assert_allclose(reliability.left(actual, actual), [1.0, 0.5, 1.0 / 3.0])
    np.testing.assert_allclose(reliability.left(np.array([3.0, 2.0, 1.0]), actual), [1.0, 4.0 / 3.0, 2.0])


def test_miscalibration_is_the_distance_of_stated_from_actual() -> None:
    actual = np.linspace(1.0, 5.0, 60)
    assert reliability.summarize(actual + 0.5, actual)["miscalibration"] == pytest.approx(0.5)
    assert reliability.summarize(actual, actual)["miscalibration"] == pytest.approx(0.0)
