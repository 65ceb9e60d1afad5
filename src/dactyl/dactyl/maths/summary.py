"""Many numbers told in a few."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def summary(
    values: Sequence[float] | np.ndarray, percentiles: Sequence[int] = (50, 99), digits: int | None = 2
) -> dict[str, float]:
    """{"p50": …, "p99": …, "max": …}; empty if there are no values.

    Args:
        values: (n,)
        percentiles: which, beside the largest.
        digits: to round to; None: not at all.
    """
    if not len(values):
        return {}
    found = dict(zip(map("p{}".format, percentiles), np.percentile(values, percentiles), strict=True))
    found["max"] = np.max(values)
    return {name: float(value) if digits is None else round(float(value), digits) for name, value in found.items()}
