"""Kernels of a distance."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dactyl.maths.kernels import logistic


@pytest.mark.parametrize("array", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def test_the_logistic_kernel_is_a_quarter_at_nothing_and_falls_to_nothing(array):
    """Also where an exponential is no number any more."""
    x = array(np.array([0.0, 1.0, -1.0, 5.0, 1e4]))
    with np.errstate(over="ignore"):
        values = np.asarray(logistic(x))
    np.testing.assert_allclose(values[:4], [0.25, 0.19661193, 0.19661193, 0.00664806], rtol=1e-6)
    assert values[4] == 0.0
    assert np.isnan(np.asarray(logistic(array(np.array([np.nan])))))
