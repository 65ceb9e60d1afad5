"""The state machine of pick-and-drop: each way through it, and what it does with what is not known."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.environment.pick_and_drop import (
    FALLEN,
    LATE,
    LOST,
    Patience,
    Progress,
    Seen,
    Stage,
    advance,
    dropped_at,
    towards,
)

PERIOD = 0.2
PATIENCE = Patience(settle=0.5, reach=2.1, fall=0.7, release=3.0)
NOTHING = Seen(there=False, reached=False, lost=False, opened=False)
THERE = NOTHING._replace(there=True)
UP = np.array([0.0, 0.0, 1.0])


def steps(now: Progress, seen: Seen, count: int) -> Progress:
    for _ in range(count):
        now = advance(now, seen, PATIENCE, PERIOD)
    return now


def test_a_round_goes_through_all_stages() -> None:
    now = steps(Progress(), THERE, 2)
    assert now.stage is Stage.WAIT
    now = steps(now, THERE, 1)
    assert now == Progress(Stage.PICK)
    now = advance(steps(now, THERE, 3), THERE._replace(reached=True), PATIENCE, PERIOD)
    assert now == Progress(Stage.CARRY)
    now = advance(steps(now, NOTHING, 3), NOTHING._replace(reached=True), PATIENCE, PERIOD)
    assert now == Progress(Stage.RELEASE)
    now = steps(now, NOTHING._replace(opened=True), 3)
    assert now.stage is Stage.RELEASE, "it falls"
    assert steps(now, NOTHING._replace(opened=True), 1) == Progress()


def test_an_object_that_is_taken_away_meanwhile_has_to_lie_there_anew() -> None:
    """Protects whoever puts it there."""
    now = steps(steps(Progress(), THERE, 2), NOTHING, 1)
    assert now == Progress()


@pytest.mark.parametrize("stage", [Stage.PICK, Stage.CARRY])
def test_an_object_that_is_not_seen_is_neither_lost_nor_there(stage: Stage) -> None:
    """Protects a grasp that hides what it holds: only time ends it."""
    assert steps(Progress(stage), NOTHING, 9).stage is stage
    assert steps(Progress(stage), NOTHING, 11) == Progress(Stage.RELEASE, reason=LATE)


@pytest.mark.parametrize("stage", [Stage.PICK, Stage.CARRY])
def test_what_is_lost_is_let_go_of(stage: Stage) -> None:
    lost = NOTHING._replace(lost=True, reached=True)
    assert advance(Progress(stage), lost, PATIENCE, PERIOD) == Progress(Stage.RELEASE, reason=LOST)


def test_a_hand_that_does_not_open_is_not_waited_for_for_ever() -> None:
    assert steps(Progress(Stage.RELEASE), NOTHING, 14).stage is Stage.RELEASE
    assert steps(Progress(Stage.RELEASE), NOTHING, 16) == Progress()


def test_the_reason_is_kept_until_the_hand_is_open() -> None:
    assert steps(Progress(Stage.RELEASE, reason=LATE), NOTHING, 3).reason == LATE


def test_goals_go_ahead_of_the_object_by_strides_and_end_at_the_place() -> None:
    here, there = np.array([0.5, 0.0, 0.2]), np.array([0.5, -0.3, 0.2])
    np.testing.assert_allclose(towards(here, there, 0.05), [0.5, -0.05, 0.2])
    np.testing.assert_array_equal(towards(here, there, 0.4), there)
    np.testing.assert_array_equal(towards(there, there, 0.05), there)
    np.testing.assert_array_equal(towards(np.full(3, np.nan), there, 0.05), there)


@pytest.mark.parametrize(
    ("offset", "dropped"),
    [
        ((0.0, 0.0, -0.1), True),
        ((0.05, -0.05, -0.1), True),
        ((0.2, 0.0, -0.1), False),
        ((0.0, 0.0, 0.0), False),
        ((0.0, 0.0, -0.5 * FALLEN), False),
        ((np.nan, 0.0, -0.1), False),
        ((0.0, 0.0, np.nan), False),
    ],
)
def test_what_was_dropped_has_fallen_and_lies_there(offset: tuple[float, float, float], dropped: bool) -> None:
    """Protects the count: what the hand still holds, what lies elsewhere and what is not seen are no success."""
    place = np.array([0.45, -0.3, 0.25])
    assert dropped_at(place + np.array(offset), place, UP, 0.1) is dropped


def test_down_is_where_the_robot_says_that_it_is() -> None:
    up, place = np.array([0.0, -0.6, 0.8]), np.array([0.0, -0.3, 0.3])
    assert dropped_at(place - 0.1 * up, place, up, 0.05)
    assert not dropped_at(place - 0.1 * UP, place, up, 0.05)
