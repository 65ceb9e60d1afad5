"""Functions that say how near something is: 1 or less at 0, falling to nothing."""

from __future__ import annotations

from array_api_compat import array_namespace

from dactyl.maths.quaternion import Array


def logistic(x: Array) -> Array:
    """1 / (exp(x) + 2 + exp(-x)), the density of the logistic distribution: 1/4 at 0. Any shape (TriFinger transfer).

    What is too far for the exponential to be a number gives 0.
    """
    xp = array_namespace(x)
    return 1.0 / (xp.exp(x) + 2.0 + xp.exp(-x))
