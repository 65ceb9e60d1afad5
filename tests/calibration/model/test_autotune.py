"""Autotune keeps the best of its population, group by group, and never less than the model's own (Algorithm 1)."""

from __future__ import annotations

import numpy as np

from dactyl.calibration.model.autotune import autotune
from dactyl.calibration.model.space import Space
from tests.calibration.model.toy import mixing, problem


def test_it_never_does_worse_than_the_model_itself(space: Space) -> None:
    nominal = space.to_unit(space.nominal)
    posed = problem(space, nominal, mixing())
    np.testing.assert_array_equal(autotune(posed, population=100).lowest, nominal)


def test_a_larger_population_finds_no_worse(space: Space) -> None:
    posed = problem(space, np.full(len(space.nominal), 0.9), mixing())
    nominal, few, many = (
        posed.errors(units[None])[0]
        for units in (posed.nominal, autotune(posed, population=20).lowest, autotune(posed, population=500).lowest)
    )
    assert (many <= few).all()
    assert (few <= nominal).all()
    assert many.sum() < nominal.sum()


def test_a_seed_gives_the_same_population(space: Space) -> None:
    posed = problem(space, np.full(len(space.nominal), 0.9), mixing())
    first, again = autotune(posed, 64).lowest, autotune(posed, 64).lowest
    np.testing.assert_array_equal(first, again)
    posed.seed = 1
    assert (autotune(posed, 64).lowest != first).any()


def test_the_median_and_the_highest_of_each_group_are_found_too(space: Space) -> None:
    """Protects the comparison of the paper's Table I: models that differ in nothing but their error."""
    posed = problem(space, np.full(len(space.nominal), 0.9), mixing())
    lowest, median, highest = posed.errors(np.stack(autotune(posed, 65)))
    assert (lowest < median).all()
    assert (median < highest).all()
    drawn = np.random.default_rng([0, 2]).random((64, len(space.nominal)))[:32]  # of the first block
    assert (highest >= posed.errors(drawn).max(axis=0)).all()
