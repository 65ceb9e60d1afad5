"""Hands that a script moves: to where they are sent, evenly, and what is recorded of it."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.maths import quaternion
from dactyl.robots.gr1 import hands
from dactyl.robots.gr1.hands import RECORDED, Hands
from dactyl.robots.gr1.kinematics import level
from dactyl.simulation.scene import Scene


def begun(scene: Scene) -> Hands:
    moved = Hands(scene)
    moved.begin(scene.model.qpos0[scene.object_position], 0.0)
    return moved


def test_targets_are_reached_evenly_and_recorded(scene: Scene) -> None:
    moved = begun(scene)
    place = scene.model.qpos0[scene.object_position] + [-0.05, -0.1, 0.15]
    assert moved.reach("right", place, level(0.0)) < 0.01
    targets = moved.targets({"right": 1.0})
    moved.go(1.0, targets, np.random.default_rng(0))
    play = moved.recorded()
    assert len(play.targets) == round(1.0 / RECORDED)
    np.testing.assert_allclose(play.targets[-1], targets)
    np.testing.assert_allclose(np.diff(play.targets, axis=0), np.diff(play.targets[:2], axis=0).repeat(9, 0), atol=1e-9)
    assert len(moved.recorded().qpos) == 0, "what was recorded is given once"


def test_a_grip_closes_its_own_hand_alone(both: Scene) -> None:
    moved = begun(both)
    opened, gripping = moved.targets({}), moved.targets({"left": 1.0})
    differ = [name for name, one, two in zip(both.robot.actuators, opened, gripping, strict=True) if one != two]
    assert differ
    assert all(name.startswith("L") for name in differ), differ


def test_disturbed_targets_are_recorded_undisturbed(scene: Scene) -> None:
    """A policy is to learn the right ones."""
    moved = begun(scene)
    targets = moved.targets({})
    moved.go(0.4, targets, np.random.default_rng(0), disturbed=0.1)
    play = moved.recorded()
    np.testing.assert_allclose(play.targets[-1], targets)
    assert np.abs(play.qvel[:, :3]).max() > 0.01, "yet it shook"


def test_a_grasp_comes_from_its_own_side(scene: Scene) -> None:
    centre, random = np.array([0.48, -0.16, 1.0]), np.random.default_rng(0)
    for side, sign in (("right", -1.0), ("left", 1.0)):
        reach = hands.grasping(scene, side, centre, 0.0, random)
        assert sign * (reach.place - centre)[1] > 0.0
        np.testing.assert_allclose(reach.away, [-1.0, 0.0, 0.0], atol=1e-9)
        np.testing.assert_allclose(hands.outwards(side, np.pi / 2), [-sign, 0.0, 0.0], atol=1e-9)


def test_nothing_is_not_lifted(scene: Scene) -> None:
    play = hands.nothing(scene)
    assert not play.lifted
    assert play.qpos.shape == (0, scene.model.nq)


def test_the_object_lies_where_it_is_put(scene: Scene) -> None:
    random = np.random.default_rng(0)
    places = [hands.drawn_place(scene, random, aside=0.2) for _ in range(50)]
    sides = np.array([centre[1] for centre, _ in places]) - scene.model.qpos0[scene.object_position][1]
    assert (np.abs(np.abs(sides) - 0.2) <= hands.SPREAD).all()
    assert 0 < (sides > 0).sum() < 50
    moved = Hands(scene)
    moved.begin(*places[0])
    place, orientation = moved.object_pose()
    np.testing.assert_allclose(place, places[0][0])
    assert quaternion.angle(orientation) == pytest.approx(abs(places[0][1]))
