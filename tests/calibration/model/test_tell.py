"""Parameters that a recording does not tell are named, and so are those that look like another."""

from __future__ import annotations

from dactyl.calibration.model.space import Space
from dactyl.calibration.model.tell import tell
from tests.calibration.model.toy import mixing, problem


def test_a_parameter_without_effect_and_two_that_look_alike_are_named(space: Space) -> None:
    matrix = mixing()
    matrix[:, 2] = 0.0
    matrix[:, 5] = matrix[:, 6]
    posed = problem(space, space.to_unit(space.nominal), matrix, noise=0.05)
    telling = tell(posed, space.to_unit(space.nominal))
    for own in posed.own:
        keys = [space.keys[i] for i in own]
        assert keys[2] in telling.silent
        assert telling.together[keys[5]] == keys[6]
        assert telling.together[keys[6]] == keys[5]
    assert len(telling.silent) == len(telling.together) / 2 == 2


def test_what_is_told_is_not_named(space: Space) -> None:
    posed = problem(space, space.to_unit(space.nominal), mixing(), noise=0.05)
    telling = tell(posed, space.to_unit(space.nominal))
    assert telling.silent == []
    assert telling.together == {}
    assert (telling.deviation[space.sought] < 0.1).all()


def test_noise_makes_a_weak_effect_silent(space: Space) -> None:
    matrix = mixing()
    matrix[:, 4] *= 0.05
    nominal = space.to_unit(space.nominal)
    assert tell(problem(space, nominal, matrix, noise=0.001), nominal).silent == []
    assert len(tell(problem(space, nominal, matrix, noise=0.5), nominal).silent) == 2
