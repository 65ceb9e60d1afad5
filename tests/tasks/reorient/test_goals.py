"""Goal orientations and the distance to them (appendix C.1)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.spatial.transform import Rotation

from dactyl.maths import quaternion
from dactyl.tasks.reorient import goals

SAMPLES = 20_000


def angle_cdf(theta: np.ndarray) -> np.ndarray:
    """Of the angle of a rotation uniform in SO(3), whose density is (1 - cos) / pi."""
    return (theta - np.sin(theta)) / np.pi


def drawn() -> np.ndarray:
    return goals.from_normals(np.random.default_rng(0).normal(size=(SAMPLES, 4)))


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
        quaternion.angle(goals.from_normals(generator.uniform(-1, 1, (SAMPLES, 4)))),
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


def test_nan_is_no_distance():
    goal = torch.tensor([[1.0, 0, 0, 0]])
    assert goals.angle_to_goal(goal, goal * torch.nan).isnan().all()


def test_tolerance():
    assert goals.SUCCESS_TOLERANCE == 0.4  # rad, appendix C.1
