"""Goal poses and starts by difficulty, and the errors from them: the challenge's distributions."""

from __future__ import annotations

from collections.abc import Callable
from math import pi
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from dactyl.environment import task as tasks
from dactyl.environment.randomization.random import Random
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.maths.random import Draws, NumpyDraws
from dactyl.robot import robot as robots
from dactyl.tasks.reorient.rules import ReorientRules
from dactyl.tasks.repose import goals
from dactyl.tasks.repose.keypoints import corners
from dactyl.tasks.repose.rules import CENTRE_RADIUS, HALF, ReposeRules

COUNT = 4000
REST = np.array([0.0, 0.0, HALF, 1.0, 0.0, 0.0, 0.0])
IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])


@pytest.fixture(params=["numpy", "torch"])
def draws(request: pytest.FixtureRequest) -> Draws:
    return NumpyDraws(np.random.default_rng(0)) if request.param == "numpy" else Random(0, torch.device("cpu"))


def array_of(draws: Draws) -> Callable[[np.ndarray], Any]:
    return np.asarray if isinstance(draws, NumpyDraws) else lambda values: torch.as_tensor(values).float()


def drawn(draws: Draws, rules: ReposeRules, limits: tuple[float, float] | None = None) -> np.ndarray:
    """(COUNT, 7) for cubes that lie as their faces do."""
    present = array_of(draws)(np.tile(IDENTITY, (COUNT, 1)))
    return np.asarray(goals.draw(rules, draws, COUNT, {"object_orientation": present}, limits))


@pytest.mark.parametrize("difficulty", [1, 3, 4])
def test_goals_are_uniform_in_the_arenas_disc(draws: Draws, difficulty: int) -> None:
    found = drawn(draws, ReposeRules(difficulty=difficulty))
    radius = np.linalg.norm(found[:, :2], axis=1)
    assert radius.max() <= CENTRE_RADIUS + 1e-6
    assert stats.kstest((radius / CENTRE_RADIUS) ** 2, "uniform").pvalue > 1e-3
    assert stats.kstest(np.arctan2(found[:, 1], found[:, 0]) / (2 * pi) + 0.5, "uniform").pvalue > 1e-3


@pytest.mark.parametrize(("difficulty", "lowest", "highest"), [(1, HALF, HALF), (2, 0.0825, 0.0825), (3, HALF, 0.1),
                                                               (4, 0.0563, 0.1)])  # fmt: skip
def test_goals_are_as_high_as_their_difficulty_has_them(
    draws: Draws, difficulty: int, lowest: float, highest: float
) -> None:
    heights = drawn(draws, ReposeRules(difficulty=difficulty))[:, 2]
    assert heights.min() == pytest.approx(lowest, abs=2e-4)
    assert heights.max() == pytest.approx(highest, abs=2e-4)


@pytest.mark.parametrize(("difficulty", "lowest"), [(3, HALF), (4, goals.LOWEST_TURNED)])
def test_a_share_of_the_goals_may_lie_on_the_table(draws: Draws, difficulty: int, lowest: float) -> None:
    """So one training serves difficulty 1 too: of places in the air hardly any is so low. None there is turned."""
    found = drawn(draws, ReposeRules(difficulty=difficulty, on_table=0.3))
    on_table = found[:, 2] < HALF + 1e-6
    assert on_table.mean() == pytest.approx(0.3, abs=0.03)
    assert stats.kstest((found[~on_table, 2] - lowest) / (0.1 - lowest), "uniform").pvalue > 1e-3
    np.testing.assert_array_equal(found[on_table, 3:], np.tile(IDENTITY, (on_table.sum(), 1)))
    assert (quaternion.angle(found[~on_table, 3:]).max() > 2.0) == (difficulty == 4)


def test_the_second_difficulty_has_one_goal(draws: Draws) -> None:
    found = drawn(draws, ReposeRules(difficulty=2))
    assert (found[:, :2] == 0.0).all()
    assert np.ptp(found, axis=0).max() < 1e-6


def test_goals_without_an_orientation_keep_the_one_there_is(draws: Draws) -> None:
    """Nothing is paid, nor seen, for a turn that nobody asks for."""
    for difficulty in (1, 2, 3):
        np.testing.assert_array_equal(
            drawn(draws, ReposeRules(difficulty=difficulty))[:, 3:], np.tile(IDENTITY, (COUNT, 1))
        )
    alone = goals.draw(ReposeRules(difficulty=3), draws, 5, {}, None)
    np.testing.assert_array_equal(np.asarray(alone)[:, 3:], np.tile(IDENTITY, (5, 1)))


def test_the_fourth_difficultys_orientations_are_uniform_and_none_reaches_into_the_table(draws: Draws) -> None:
    found = drawn(draws, ReposeRules())
    angles = quaternion.angle(found[:, 3:])
    assert stats.kstest(angles, lambda angle: (angle - np.sin(angle)) / pi).pvalue > 1e-3
    assert corners(found[:, :3], found[:, 3:])[..., 2].min() > -1e-6


@pytest.mark.parametrize("rules", [ReposeRules(), ReposeRules(difficulty=1, planar=True)], ids=["turned", "planar"])
def test_with_limits_goals_are_turned_by_an_angle_between_them(draws: Draws, rules: ReposeRules) -> None:
    angles = quaternion.angle(drawn(draws, rules, (0.4, 1.2))[:, 3:])
    assert angles.min() > 0.4 - 1e-5
    assert angles.max() < 1.2 + 1e-5
    assert stats.kstest((angles - 0.4) / 0.8, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("planar", [False, True])
def test_rules_may_bound_how_far_goals_are_turned(draws: Draws, planar: bool) -> None:
    """From nothing on: so an evaluation has the goals of a training. Limits that a training names go first."""
    rules = ReposeRules(difficulty=1 if planar else 4, planar=planar, most_turned=0.8)
    angles = quaternion.angle(drawn(draws, rules)[:, 3:])
    assert angles.max() < 0.8 + 1e-5
    assert stats.kstest(angles / 0.8, "uniform").pvalue > 1e-3
    assert quaternion.angle(drawn(draws, rules, (0.9, 1.2))[:, 3:]).min() > 0.9 - 1e-5


def test_before_a_cube_was_seen_goals_are_turned_anyhow(draws: Draws) -> None:
    found = np.asarray(goals.draw(ReposeRules(most_turned=0.1), draws, 200, {}, None))
    assert quaternion.angle(found[:, 3:]).max() > 2.0


def test_planar_goals_are_turned_about_the_vertical_to_both_sides(draws: Draws) -> None:
    for limits in (None, (0.4, 1.2)):
        found = drawn(draws, ReposeRules(difficulty=1, planar=True), limits)
        np.testing.assert_allclose(found[:, 4:6], 0.0, atol=1e-6)
        assert 0.4 < (found[:, 6] > 0).mean() < 0.6
        np.testing.assert_allclose(found[:, 2], HALF, atol=1e-6)


@pytest.mark.parametrize(
    ("rules", "share"),
    [
        (ReposeRules(difficulty=1, planar=True), (0.02 / CENTRE_RADIUS) ** 2 * 22.0 / 180.0),
        (
            ReposeRules(difficulty=1, planar=True, most_turned=pi / 2, start_radius=0.05, goal_radius=0.08),
            (0.02 / 0.08) ** 2 * 22.0 / 90.0,
        ),
    ],
    ids=["the task's", "those of the presets that compare"],
)
def test_a_cube_that_is_left_alone_reaches_the_goals_that_happen_to_be_there(rules: ReposeRules, share: float) -> None:
    """What chance is: 0.25 % and 1.5 %. Protects figures of beginners from being read as learning, or as none."""
    count = 200_000
    draws = NumpyDraws(np.random.default_rng(0))
    starts = goals.place(rules, draws, count, REST)
    signals = {"object_position": starts[:, :3], "object_orientation": starts[:, 3:]}
    errors = goals.errors(goals.draw(rules, draws, count, signals, None), signals)
    reached = (errors < np.array(rules.tolerances)).all(axis=1).mean()
    assert reached == pytest.approx(share, rel=0.2)  # less near the rim


def test_planar_goals_are_turned_from_the_face_the_cube_lies_on(draws: Draws) -> None:
    lying = np.tile([np.sqrt(0.5), np.sqrt(0.5), 0.0, 0.0], (COUNT, 1))
    signals = {"object_orientation": array_of(draws)(lying)}
    found = np.asarray(goals.draw(ReposeRules(difficulty=1, planar=True), draws, COUNT, signals, None))
    turn = quaternion.multiply(found[:, 3:], quaternion.conjugate(lying))
    np.testing.assert_allclose(turn[:, 1:3], 0.0, atol=1e-6)


def test_cubes_begin_flat_on_every_face_anywhere_and_turned_anyhow(draws: Draws) -> None:
    poses = np.asarray(goals.place(ReposeRules(), draws, COUNT, array_of(draws)(REST)))
    assert np.linalg.norm(poses[:, :2], axis=1).max() <= CENTRE_RADIUS + 1e-6
    np.testing.assert_allclose(poses[:, 2], HALF, atol=1e-7)
    lowest = corners(poses[:, :3], poses[:, 3:])[..., 2].min(axis=1)
    np.testing.assert_allclose(lowest, 0.0, atol=1e-6)
    up = quaternion.rotate_inverse(poses[:, 3:], np.tile([0.0, 0.0, 1.0], (COUNT, 1)))
    faces, counts = np.unique(np.round(up).astype(int), axis=0, return_counts=True)
    assert len(faces) == 6
    assert stats.chisquare(counts).pvalue > 1e-3


def test_cubes_may_begin_on_one_face_and_near_the_middle(draws: Draws) -> None:
    rules = ReposeRules(any_face=False, start_radius=0.05)
    poses = np.asarray(goals.place(rules, draws, COUNT, array_of(draws)(REST)))
    assert np.linalg.norm(poses[:, :2], axis=1).max() <= 0.05 + 1e-6
    np.testing.assert_allclose(poses[:, 4:6], 0.0, atol=1e-7)
    assert stats.kstest(np.arctan2(poses[:, 6], poses[:, 3]) / pi + 0.5, "uniform").pvalue > 1e-3


def test_starts_are_about_the_place_of_rest(draws: Draws) -> None:
    """Whose robot's it is: nothing here knows where a table is."""
    rest = array_of(draws)(np.array([1.0, 2.0, 3.0, 1.0, 0.0, 0.0, 0.0]))
    poses = np.asarray(goals.place(ReposeRules(), draws, COUNT, rest))
    assert np.linalg.norm(poses[:, :2] - [1.0, 2.0], axis=1).max() <= CENTRE_RADIUS + 1e-6
    np.testing.assert_allclose(poses[:, 2], 3.0, atol=1e-6)


def test_errors_are_a_distance_and_an_angle() -> None:
    goal = np.array([[0.01, 0.0, 0.05, *IDENTITY]])
    turned = quaternion.from_rotation_vector(np.array([[0.0, 0.3, 0.0]]))
    signals = {"object_position": np.array([[0.01, 0.03, 0.09]]), "object_orientation": turned}
    np.testing.assert_allclose(goals.errors(goal, signals), [[0.05, 0.3]], atol=1e-9)
    theirs = goals.errors(torch.as_tensor(goal), {name: torch.as_tensor(value) for name, value in signals.items()})
    np.testing.assert_allclose(theirs, [[0.05, 0.3]], atol=1e-9)


def test_what_is_not_known_is_no_success() -> None:
    goal = np.array([0.0, 0.0, 0.05, *IDENTITY])
    for broken in ("object_position", "object_orientation"):
        signals = {"object_position": goal[:3], "object_orientation": goal[3:]}
        signals[broken] = signals[broken] * np.nan
        assert not (goals.errors(goal, signals) < np.array([0.02, 0.4])).all()


def test_a_goal_survives_being_published() -> None:
    goal = drawn(NumpyDraws(np.random.default_rng(1)), ReposeRules())[0]
    np.testing.assert_array_equal(goals.of_pose(*goals.as_pose(goal, robots.load("trifinger"))), goal)


def test_the_task_under_rules_draws_their_goals() -> None:
    """Protects a curriculum's stages, whose rules say how difficult goals are."""
    task = tasks.load("repose")
    low = task.under(ReposeRules(difficulty=1, start_radius=0.0, any_face=False))
    draws = NumpyDraws(np.random.default_rng(0))
    np.testing.assert_allclose(low.draw_goal(draws, 20, {}, None)[:, 2], HALF)
    np.testing.assert_allclose(low.place(draws, 20, REST)[:, :2], 0.0, atol=1e-12)
    assert np.ptp(task.draw_goal(draws, 20, {}, None)[:, 2]) > 0.01
    with pytest.raises(DactylError, match="the task repose has ReposeRules, not ReorientRules"):
        task.under(ReorientRules())


def test_a_task_whose_goals_do_not_depend_on_rules_stays_itself() -> None:
    reorient = tasks.load("reorient")
    assert reorient.under(ReorientRules(timeout=1.0)) is reorient
