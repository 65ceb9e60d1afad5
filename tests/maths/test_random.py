"""Random numbers from numpy, for functions that draw from torch in training."""

from __future__ import annotations

import numpy as np
from scipy import stats

from dactyl.maths.random import NumpyDraws


def test_draws_are_those_of_the_generator_in_order() -> None:
    """Protects repeatable trials: how an object is placed depends on the seed and on the order of draws alone."""
    draws, same = NumpyDraws(np.random.default_rng(3)), np.random.default_rng(3)
    np.testing.assert_array_equal(draws.normal(2, 4), same.standard_normal((2, 4)))
    np.testing.assert_array_equal(draws.uniform(-1.0, 2.0, 5, 1), same.uniform(-1.0, 2.0, (5, 1)))
    np.testing.assert_array_equal(draws.normal(4), same.standard_normal(4))


def test_draws_are_doubles_of_the_shape_asked_for() -> None:
    draws = NumpyDraws(np.random.default_rng(0))
    for drawn, shape in ((draws.normal(3, 4), (3, 4)), (draws.uniform(0.0, 1.0, 3), (3,)), (draws.normal(), ())):
        assert np.shape(drawn) == shape
        assert np.asarray(drawn).dtype == np.float64


def test_distributions() -> None:
    draws = NumpyDraws(np.random.default_rng(0))
    assert stats.kstest(draws.normal(5000), stats.norm(0, 1).cdf).pvalue > 0.01
    assert stats.kstest(draws.uniform(-0.4, 0.9, 5000), stats.uniform(-0.4, 1.3).cdf).pvalue > 0.01
