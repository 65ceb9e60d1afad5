"""Least squares find the answer of a smooth problem, and their derivatives are those of the residuals."""

from __future__ import annotations

import numpy as np

from dactyl.calibration.model.least_squares import derivatives, fit
from dactyl.calibration.model.space import Space
from tests.calibration.model.toy import WINDOWS, mixing, problem


def test_they_find_the_parameters(space: Space) -> None:
    nominal = space.to_unit(space.nominal)
    true = np.where(space.sought, np.clip(nominal + 0.15, 0.0, 1.0), nominal)
    posed = problem(space, true, mixing())
    found = fit(posed, noise=0.01)
    np.testing.assert_allclose(found[space.sought], true[space.sought], atol=0.02)


def test_derivatives_are_those_of_the_residuals(space: Space) -> None:
    """At the bounds too, where only one side is left."""
    matrix = mixing()
    posed = problem(space, space.to_unit(space.nominal), matrix)
    for unit in (np.full(len(space.nominal), 0.5), np.zeros(len(space.nominal))):
        found = derivatives(posed, unit).reshape(WINDOWS, 2, -1)
        for group, own in enumerate(posed.own):
            np.testing.assert_allclose(found[:, group, own], matrix[:, : len(own)], atol=1e-9)
            np.testing.assert_array_equal(found[:, 1 - group, own], 0.0)
