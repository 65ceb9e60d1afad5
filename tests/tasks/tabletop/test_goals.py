"""Goals, starts and stages at the table: which hand, where, and that numpy and torch agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from dactyl.environment import task as tasks
from dactyl.environment.randomization.random import Random
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.maths.random import Draws, NumpyDraws
from dactyl.robot import robot as robots
from dactyl.tasks.reorient.rules import ReorientRules
from dactyl.tasks.tabletop import goals
from dactyl.tasks.tabletop.rules import TabletopRules

COUNT = 2000
REST = np.array([0.48, 0.0, 1.02, 1.0, 0.0, 0.0, 0.0])
NAMES = ("grasp_and_reach", "box_lift", "handover")


@pytest.fixture(params=["numpy", "torch"])
def draws(request: pytest.FixtureRequest) -> Draws:
    return NumpyDraws(np.random.default_rng(0)) if request.param == "numpy" else Random(0, torch.device("cpu"))


def array_of(draws: Draws) -> Callable[[np.ndarray], Any]:
    return np.asarray if isinstance(draws, NumpyDraws) else lambda values: torch.as_tensor(values).float()


def lying(draws: Draws, y: float) -> dict[str, Any]:
    """Objects at a distance to the left of the robot's middle, m."""
    return {"object_position": array_of(draws)(np.tile([0.5, y, 0.1], (COUNT, 1)))}


@pytest.mark.parametrize(("y", "hand"), [(0.1, 1.0), (-0.1, -1.0), (0.0, -1.0)])
def test_the_hand_on_the_objects_side_is_to_grasp(draws: Draws, y: float, hand: float) -> None:
    found = np.asarray(tasks.load("grasp_and_reach").draw_goal(draws, COUNT, lying(draws, y), None))
    assert found.shape == (COUNT, 4)
    assert (found[:, 3] == hand).all()
    assert np.abs(found[:, :2] - [0.5, y]).max() <= 0.05 + 1e-6
    assert 0.22 - 1e-6 <= found[:, 2].min() < 0.23
    assert 0.31 < found[:, 2].max() <= 0.32 + 1e-6


def test_a_carton_goes_straight_up_in_both_hands(draws: Draws) -> None:
    found = np.asarray(tasks.load("box_lift").draw_goal(draws, COUNT, lying(draws, 0.01), None))
    assert (found[:, 3] == 0.0).all()
    np.testing.assert_allclose(found[:, :2], np.tile([0.5, 0.01], (COUNT, 1)), atol=1e-6)


@pytest.mark.parametrize(("y", "first"), [(0.2, 1.0), (-0.2, -1.0)])
def test_a_handover_goes_to_the_middle_and_then_to_the_other_side(draws: Draws, y: float, first: float) -> None:
    """a = 0 and a = 1 of equation 4: the hands change, and the place is where the other one is."""
    handover = tasks.load("handover")
    begun = np.asarray(handover.draw_goal(draws, COUNT, lying(draws, y), None))
    assert (begun[:, 3] == first).all()
    np.testing.assert_allclose(begun[:, 1], -first * goals.MIDDLE, atol=1e-6)
    array = array_of(draws)
    done = np.arange(COUNT) % 2
    signals = lying(draws, 0.0) | {"goal": array(begun), "successes": array(done)}
    then = np.asarray(handover.draw_goal(draws, COUNT, signals, None))
    second = done == 1
    assert (then[second, 3] == -first).all(), "the other hand"
    np.testing.assert_allclose(then[second, 1], -first * 0.2, atol=1e-6)
    assert (then[~second, 3] == -1.0).all(), "a new episode begins where its object lies, whatever the old goal was"


@pytest.mark.parametrize("side", ["middle", "left", "right", "either"])
def test_objects_begin_where_the_rules_say(draws: Draws, side: str) -> None:
    """Table IV: 2 cm and 0.75 rad about the place."""
    rules = TabletopRules(side=side)
    poses = np.asarray(goals.place(rules, draws, COUNT, array_of(draws)(REST)))
    aside = poses[:, 1] - REST[1]
    expected = {"middle": {0}, "left": {1}, "right": {-1}, "either": {-1, 1}}[side]
    assert set(np.round(aside / rules.aside).astype(int).tolist()) == expected
    assert np.abs(aside - rules.aside * np.round(aside / rules.aside)).max() <= 0.02 + 1e-6
    assert np.abs(poses[:, 0] - REST[0]).max() <= 0.02 + 1e-6
    np.testing.assert_allclose(poses[:, 2], REST[2], atol=1e-6)
    angles = quaternion.angle(poses[:, 3:])
    assert 0.7 < angles.max() <= 0.75 + 1e-5
    np.testing.assert_allclose(np.abs(poses[:, 4:6]), 0.0, atol=1e-6)


@pytest.mark.parametrize("hand", [-1.0, 0.0, 1.0])
def test_a_goal_survives_the_graph(hand: float) -> None:
    """As a pose, in which the hand is a turn."""
    goal = np.array([0.4, -0.1, 0.3, hand])
    position, orientation = goals.as_pose(goal, robots.load("gr1"))
    assert np.linalg.norm(orientation) == pytest.approx(1.0)
    np.testing.assert_allclose(goals.of_pose(position, orientation), goal, atol=1e-12)
    both = torch.as_tensor(position)[None], torch.as_tensor(orientation)[None]
    np.testing.assert_allclose(goals.of_pose(*both)[0], goal, atol=1e-12)


def test_the_error_is_the_distance_and_nan_reaches_nothing() -> None:
    signals = {"object_position": np.array([[0.0, 0.0, 0.0], [np.nan, 0.0, 0.0]])}
    found = goals.errors(np.array([[0.3, 0.0, 0.4, 1.0]] * 2), signals)
    assert found[0, 0] == pytest.approx(0.5)
    assert np.isnan(found[1, 0])


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_what_a_handover_reached_names_the_hand_that_held_it(draws: Draws, side: float) -> None:
    """Protects demonstrations: the giver in the middle, also where that is half a palm short of it; then the taker."""
    hindsight = tasks.load("handover").hindsight
    assert hindsight is not None
    lay, middle, short, other = (lying(draws, side * y) for y in (0.2, -0.05, 0.01, -0.18))
    for start, end, hand in ((lay, middle, side), (lay, short, side), (middle, other, -side), (short, other, -side)):
        found = np.asarray(hindsight(start, end))
        np.testing.assert_allclose(found[:, :3], np.asarray(end["object_position"]), atol=1e-7)
        assert (found[:, 3] == hand).all()


@pytest.mark.parametrize("name", NAMES)
def test_rules_change_starts_and_goals(name: str, draws: Draws) -> None:
    task = tasks.load(name)
    rules = replace(task.rules, goal_heights=(0.5, 0.5), start_spread=0.0, start_yaw=0.0)  # type: ignore[arg-type]
    changed = task.under(rules)
    found = np.asarray(changed.draw_goal(draws, COUNT, lying(draws, 0.1), None))
    np.testing.assert_allclose(found[:, 2], 0.5, atol=1e-6)
    poses = np.asarray(changed.place(draws, 10, array_of(draws)(REST)))
    np.testing.assert_allclose(poses[:, 0], REST[0], atol=1e-6)
    with pytest.raises(DactylError, match=f"the task {name} has TabletopRules, not ReorientRules"):
        task.under(ReorientRules())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tolerance": 0.0}, "tolerance 0.0 m must be > 0"),
        ({"side": "behind"}, "side 'behind' is none of middle, left, right, either"),
        ({"goal_heights": (0.3, 0.2)}, "goal_heights"),
        ({"start_yaw": -0.1}, "start_yaw -0.1 must be >= 0"),
        ({"start_spread": float("nan")}, "start_spread nan must be >= 0"),
    ],
)
def test_rules_that_cannot_be_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(DactylError, match=f"trial rules: .*{says}"):
        TabletopRules(**changes)


def test_what_a_task_asks_for() -> None:
    """One hand's goal counts at the end; a handover has two, each as soon as the object is there."""
    grasp, handover = tasks.load("grasp_and_reach").rules, tasks.load("handover").rules
    assert (grasp.judged_at_timeout, grasp.max_successes, grasp.tolerances) == (True, 1, (0.05,))
    assert (handover.judged_at_timeout, handover.max_successes) == (False, 2)
