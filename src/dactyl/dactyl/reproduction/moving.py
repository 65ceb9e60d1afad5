"""A moving average with its confidence interval, as in the paper's Figures 8 and 9."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dactyl.errors import DactylError

QUANTILE = 1.6449
"""Of the normal distribution, for an interval that holds the mean in 90 % of cases."""


class Moving(NamedTuple):
    """One value for each of the series, (n,) each."""

    mean: np.ndarray
    low: np.ndarray
    """NaN where the window holds less than two values."""
    high: np.ndarray


def moving(values: np.ndarray, span: float) -> Moving:
    """The exponentially weighted mean of a series, and the interval that its spread in the window leaves open.

    The weight of a value falls by 1 - 2 / (span + 1) with each that follows. The interval takes the values as
    independent, with as many of them as the weights are worth: (Σw)² / Σw².

    Args:
        values: (n,) finite.
        span: of the window, in values, at least 1.

    Raises:
        DactylError: there is no value, or one is not finite.
    """
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all() or not span >= 1.0:
        raise DactylError("a moving average needs numbers that are finite, and a window of at least one")
    kept = 1.0 - 2.0 / (span + 1.0)
    weight = squared = total = squares = 0.0
    mean, half = np.empty(len(values)), np.empty(len(values))
    for i, value in enumerate(values):
        weight, squared = kept * weight + 1.0, kept**2 * squared + 1.0
        total, squares = kept * total + value, kept * squares + value**2
        mean[i] = total / weight
        worth = weight**2 / squared
        spread = max(0.0, squares / weight - mean[i] ** 2) * worth / max(worth - 1.0, 1e-12)
        half[i] = QUANTILE * np.sqrt(spread / worth) if worth > 1.5 else np.nan
    return Moving(mean, mean - half, mean + half)
