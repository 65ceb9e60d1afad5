"""Goal orientations and the distance to them (appendix C.1), where the object starts and when it is lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.spatial.transform import Rotation

from dactyl.environment.randomization.random import Random
from dactyl.environment.task import left_workspace
from dactyl.maths import quaternion
from dactyl.maths.random import Draws, NumpyDraws
from dactyl.robot import robot as robots
from dactyl.tasks.reorient import goals

SAMPLES = 20_000


def angle_cdf(theta: np.ndarray) -> np.ndarray:
    """Of the angle of a rotation uniform in SO(3), whose density is (1 - cos) / pi."""
    return (theta - np.sin(theta)) / np.pi


def drawn() -> np.ndarray:
    return goals.draw(NumpyDraws(np.random.default_rng(0)), SAMPLES, {}, None)


@pytest.mark.parametrize("reference", [[1.0, 0, 0, 0], [0.5, -0.5, 0.5, 0.5], [0.1, 0.7, -0.7, 0.1]])
def test_goals_are_uniform_in_so3(reference):
    """The angle to any fixed orientation, not only to the identity, has the distribution uniform rotations have."""
    reference = quaternion.normalize(np.array(reference))
    angles = goals.angle_to_goal(drawn(), np.broadcast_to(reference, (SAMPLES, 4)))
    assert stats.kstest(angles, angle_cdf).pvalue > 0.01


def test_goals_turn_a_vector_anywhere():
    """A vector's image under uniform rotations is uniform on the sphere: each coordinate uniform in [-1, 1]."""
    images = quaternion.rotate(drawn(), np.array([0.6, 0.0, 0.8]))
    for coordinate in images.T:
        assert stats.kstest(coordinate, stats.uniform(-1, 2).cdf).pvalue > 0.01


def test_the_test_notices_other_distributions():
    """Random axis with a uniform angle, or normalised numbers that are not normal, would not pass the test above."""
    generator = np.random.default_rng(0)
    axes = quaternion.normalize(generator.normal(size=(SAMPLES, 3)))
    wrong = [
        Rotation.from_rotvec(axes * generator.uniform(0, np.pi, (SAMPLES, 1))).magnitude(),
        quaternion.angle(quaternion.uniform(generator.uniform(-1, 1, (SAMPLES, 4)))),
    ]
    for angles in wrong:
        assert stats.kstest(angles, angle_cdf).pvalue < 1e-6


def test_relative_orientation_is_the_rotation_still_to_make():
    """relative ⊗ orientation = goal, given with w >= 0; its angle is the distance d_t."""
    goal, orientation = drawn()[:500], drawn()[500:1000]
    relative = goals.relative_orientation(goal, -orientation)
    assert (relative[:, 0] >= 0).all()
    arrived = quaternion.multiply(relative, orientation)
    np.testing.assert_allclose(quaternion.canonical(arrived), quaternion.canonical(goal), atol=1e-12)
    np.testing.assert_allclose(quaternion.angle(relative), goals.angle_to_goal(goal, orientation), atol=1e-12)


def test_the_error_is_the_angle():
    """One column for each error of the task: what trials and rewards go by."""
    goal, orientation = drawn()[:500], drawn()[500:1000]
    errors = goals.errors(goal, {"object_orientation": orientation})
    assert errors.shape == (500, 1)
    expected = Rotation.from_quat(np.roll(goal, -1, 1)) * Rotation.from_quat(np.roll(orientation, -1, 1)).inv()
    np.testing.assert_allclose(errors[:, 0], expected.magnitude(), atol=1e-7)


def test_nan_is_no_distance():
    goal = torch.tensor([[1.0, 0, 0, 0]])
    assert goals.angle_to_goal(goal, goal * torch.nan).isnan().all()
    assert goals.errors(goal, {"object_orientation": goal * torch.nan}).isnan().all()


# ------------------------------------------------------------------------------------- goals within a limit, starts


@pytest.fixture(params=["numpy", "torch"])
def draws(request: pytest.FixtureRequest) -> Draws:
    return Random(0, torch.device("cpu")) if request.param == "torch" else NumpyDraws(np.random.default_rng(0))


def test_goals_within_limits_are_that_far_about_any_axis(draws):
    """For a curriculum: no goal that is reached already, none beyond the limit, no axis preferred."""
    present = drawn()[:2000]
    signals = {"object_orientation": torch.as_tensor(present) if isinstance(draws, Random) else present}
    goal = np.asarray(goals.draw(draws, 2000, signals, (0.4, 0.9)))
    assert goal.shape == (2000, 4)
    assert (goal[:, 0] >= 0).all()
    angles = goals.angle_to_goal(goal, present)
    assert stats.kstest(angles, stats.uniform(0.4, 0.5).cdf).pvalue > 0.01
    axes = quaternion.normalize(goals.relative_orientation(goal, present)[:, 1:])
    for coordinate in axes.T:
        assert stats.kstest(coordinate, stats.uniform(-1, 2).cdf).pvalue > 0.01


def test_a_goals_pose_is_it_in_the_objects_place_and_back():
    """Protects what is published and drawn: the goal of the pose is the goal."""
    robot, goal = robots.load("shadow"), drawn()[0]
    position, orientation = goals.as_pose(goal, robot)
    np.testing.assert_array_equal(position, robot.workspace.rest)
    np.testing.assert_array_equal(goals.of_pose(position, orientation), goal)


def test_objects_start_at_rest_in_any_orientation(draws):
    """C.1: the object is placed on the palm in a random orientation. The simulator's precision is kept."""
    home = np.array([0.1, -0.2, 0.4, 1.0, 0, 0, 0])
    rest = torch.as_tensor(home) if isinstance(draws, Random) else home
    poses = goals.place(draws, 2000, rest)
    assert poses.dtype == rest.dtype
    poses = np.asarray(poses)
    np.testing.assert_array_equal(poses[:, :3], np.broadcast_to(home[:3], (2000, 3)))
    assert stats.kstest(quaternion.angle(poses[:, 3:]), angle_cdf).pvalue > 0.01


@pytest.fixture(params=[np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def array(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_dropped(array):
    """Below the palm, or away from it; what is not a number counts as dropped, never as held."""
    robot, up = robots.load("shadow"), np.array([0.0, -np.cos(0.1), np.sin(0.1)])
    rest, side = np.array([0.0, -0.03, 0.35]), np.array([1.0, 0, 0])
    np.testing.assert_array_equal(robot.workspace.rest, rest)
    cases = {
        "at rest": (rest, False),
        "thrown up, above the palm": (rest + 0.10 * up, False),
        "as low as the wrist lowers it": (rest - 0.06 * up, False),
        "sunk": (rest - 0.101 * up, True),
        "at the fingertips": (rest + 0.13 * side, False),
        "beside the hand": (rest + 0.161 * side, True),
        "NaN": (rest * np.nan, True),
        "one coordinate NaN": (np.array([0.0, np.nan, 0.35]), True),
        "infinite": (np.array([np.inf, -0.03, 0.35]), True),
        "infinitely high": (np.array([0.0, -np.inf, np.inf]), True),
    }
    with np.errstate(invalid="ignore"):
        positions = np.array([position for position, _ in cases.values()])
        dropped = left_workspace(array(positions), robot, array(up))
    assert dict(zip(cases, np.asarray(dropped).tolist(), strict=True)) == {name: d for name, (_, d) in cases.items()}
