"""Bounds are about the model's own values, and nothing that a robot has not is sought."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dactyl.calibration.model.replay import scene_of
from dactyl.calibration.model.space import Space, draw, space_of
from dactyl.errors import DactylError
from dactyl.robot import robot as robots
from dactyl.robot.parameters import Key
from dactyl.robot.robot import Positions, Robot


@pytest.fixture(scope="module")
def shadow() -> Space:
    robot = robots.load("shadow")
    return space_of(robot, scene_of("shadow").parameters)


def test_all_248_numbers_of_the_hand_are_sought(shadow: Space) -> None:
    assert shadow.sought.all()
    assert len(shadow.nominal) == 248


def test_the_models_own_values_are_inside_and_come_back(shadow: Space) -> None:
    unit = shadow.to_unit(shadow.nominal)
    assert ((unit >= 0.0) & (unit <= 1.0)).all()
    np.testing.assert_allclose(shadow.from_unit(unit), shadow.nominal, atol=1e-12)
    ends = shadow.from_unit(np.stack([np.zeros(248), np.ones(248)]))
    np.testing.assert_allclose(ends, np.stack([shadow.lower, shadow.upper]), rtol=1e-9, atol=1e-12)


def test_factors_are_sought_evenly_in_the_logarithm(shadow: Space) -> None:
    gain = shadow.keys.index(Key("FFJ3", "gain"))
    middle = shadow.from_unit(np.full(248, 0.5))
    assert middle[gain] == pytest.approx(shadow.nominal[gain])
    assert (shadow.lower[gain], shadow.upper[gain]) == pytest.approx((0.5, 2.0))


def test_limits_never_cross(shadow: Space) -> None:
    lower, upper = (
        np.array([getattr(shadow, end)[shadow.keys.index(Key(joint, name))] for joint in shadow.robot.joints])
        for end, name in (("upper", "lower"), ("lower", "upper"))
    )
    assert (lower < upper).all()


def test_what_a_robot_has_not_is_not_sought(space: Space) -> None:
    """The tray's actuators have no force limit."""
    limit = space.keys.index(Key("roll", "force_limit"))
    assert not space.sought[limit]
    assert space.from_unit(np.full(len(space.nominal), 0.7))[limit] == space.nominal[limit]


def test_without_tendons_no_backlash_is_sought(tray: Robot) -> None:
    """Protects robots with motors at their joints from parameters that nothing shows."""
    assert isinstance(tray.action, Positions)
    bare = replace(tray, action=replace(tray.action, tendons=False))
    for robot, there in ((tray, True), (bare, False)):
        found = space_of(robot, scene_of("tray").parameters)
        sought = {key.parameter for key, wanted in zip(found.keys, found.sought, strict=True) if wanted}
        assert ("backlash_negative" in sought) == there
        assert ("backlash_positive" in sought) == there
        assert "gain" in sought


def test_hidden_parameters_are_inside_and_their_seeds_differ(shadow: Space) -> None:
    first, second = (shadow.to_unit(draw(shadow, seed)) for seed in (0, 1))
    assert ((first >= 0.0) & (first <= 1.0)).all()
    assert (first != second).mean() > 0.99
    assert np.abs(first - shadow.to_unit(shadow.nominal)).max() <= 0.25 + 1e-9


def test_only_the_kinds_that_are_asked_for_are_sought(tray: Robot) -> None:
    found = space_of(tray, scene_of("tray").parameters, ("damping", "gain"))
    sought = [key.parameter for key, wanted in zip(found.keys, found.sought, strict=True) if wanted]
    assert sorted(sought) == ["damping", "damping", "gain", "gain"]
    high = found.from_unit(np.ones(len(found.nominal)))
    assert (high != found.nominal).sum() == 4


@pytest.mark.parametrize(
    ("kinds", "message"),
    [(("mass",), "no parameter mass: choose from damping"), (("k", "b"), "nothing is sought"), ((), "nothing is")],
)
def test_kinds_that_there_are_not_are_refused(kinds: tuple[str, ...], message: str, tray: Robot) -> None:
    with pytest.raises(DactylError, match=message):
        space_of(tray, scene_of("tray").parameters, kinds)
