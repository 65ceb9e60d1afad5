"""Coordinate descent finds what can be found, and changes nothing that is not worth 0.1 % (appendix C.3)."""

from __future__ import annotations

import numpy as np

from dactyl.calibration.model.descent import descend, drop_idle
from dactyl.calibration.model.space import Space
from tests.calibration.model.toy import mixing, problem


def test_it_finds_the_parameters_of_every_group(space: Space) -> None:
    nominal = space.to_unit(space.nominal)
    true = np.where(space.sought, np.clip(nominal + 0.15, 0.0, 1.0), nominal)
    posed = problem(space, true, mixing())
    found = descend(posed, sweeps=60)
    before, after = posed.errors(np.stack([nominal, found]))
    assert (after < 1e-3 * before).all()
    np.testing.assert_allclose(found[space.sought], true[space.sought], atol=0.05)


def test_a_parameter_without_effect_keeps_the_models_value(space: Space) -> None:
    nominal = space.to_unit(space.nominal)
    true = np.clip(nominal + 0.15, 0.0, 1.0)
    matrix = mixing()
    matrix[:, 3] = 0.0
    posed = problem(space, true, matrix)
    found = descend(posed)
    idle = [own[3] for own in posed.own]
    np.testing.assert_array_equal(found[idle], nominal[idle])


def test_only_changes_worth_a_thousandth_are_kept(space: Space) -> None:
    nominal = space.to_unit(space.nominal)
    matrix = mixing()
    matrix[:, 1] *= 1e-5
    first = problem(space, nominal, matrix).own[0]
    true = nominal.copy()
    true[first[5]] += 0.2
    posed = problem(space, true, matrix, noise=0.1)
    moved = true.copy()
    moved[first[1]] = 0.9
    found = drop_idle(posed, moved, posed.errors(moved[None])[0])
    np.testing.assert_array_equal(found, true)


def test_it_stops_when_its_time_is_up(space: Space) -> None:
    posed = problem(space, np.full(len(space.nominal), 0.9), mixing())
    posed.seconds = 0.0
    descend(posed)
    assert posed.over
