"""Percentiles, as every command reports them."""

from __future__ import annotations

import numpy as np

from dactyl.maths.summary import summary


def test_percentiles_and_the_largest_are_told() -> None:
    values = np.arange(101) / 3.0
    assert summary(values) == {"p50": 16.67, "p99": 33.0, "max": 33.33}
    assert summary(values.tolist(), (95,), digits=None) == {"p95": 95 / 3.0, "max": 100 / 3.0}
    assert list(map(type, summary(values).values())) == [float] * 3


def test_of_nothing_there_is_nothing_to_tell() -> None:
    assert summary([]) == {}
    assert summary(np.empty(0)) == {}
