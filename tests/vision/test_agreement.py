"""Cameras that do not fit the answer."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl import objects
from dactyl.maths import quaternion
from dactyl.simulation.appearance import Appearance
from dactyl.simulation.appearance.studio_scene import make_studio
from dactyl.vision import agreement
from dactyl.vision.agreement import MIDDLE, SIDES
from dactyl.vision.keypoints import points_of, project
from dactyl.vision.states import object_poses
from tests.vision.conftest import random_states

POINTS = points_of(objects.load("block"))


def poses(number: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.normal(scale=0.02, size=(number, 3)), quaternion.uniform(random.normal(size=(number, 4)))


@pytest.fixture
def cameras() -> np.ndarray:
    """Three views from 50 cm, a picture 2 wide being 14 cm there."""
    looks = quaternion.uniform(np.random.default_rng(1).normal(size=(3, 4)))
    axes = quaternion.to_matrix(looks)[:, :2] / 0.07
    return np.concatenate([axes, np.full((3, 2, 1), 0.1)], axis=2)


def test_cameras_are_found_again(cameras: np.ndarray) -> None:
    """Protects the fit: from places alone, those of hidden sides being nonsense."""
    points = agreement.placed(*poses(300), POINTS)
    found = agreement.predicted(cameras, points)
    hidden = ~agreement.turned_towards(cameras, points)
    found[hidden] = np.random.default_rng(2).uniform(-1, 1, (hidden.sum(), 2))
    fitted = agreement.fit_cameras(found, points)
    np.testing.assert_allclose(fitted, cameras, atol=1e-6)
    np.testing.assert_allclose(agreement.explained(found, points, fitted), 1.0)
    random = np.random.default_rng(3)
    chance, same = random.uniform(-1, 1, found.shape), random.normal(scale=0.01, size=found.shape) + 0.2
    same[:, :, 0] -= 0.4
    for nothing in (chance, same):
        assert agreement.explained(nothing, points, agreement.fit_cameras(nothing, points)).max() < 0.3


def test_the_camera_that_does_not_fit_is_told(cameras: np.ndarray) -> None:
    """Protects naming the camera: another moment's picture shows other sides, a shifted one an object elsewhere."""
    points = agreement.placed(*poses(50), POINTS)
    found = agreement.predicted(cameras, points)
    np.testing.assert_allclose(agreement.residuals(found, points, cameras), 0.0, atol=1e-9)
    other = agreement.predicted(cameras, agreement.placed(*poses(50, seed=9), POINTS))
    mixed = found.copy()
    mixed[:, 1] = other[:, 1]
    worst = agreement.residuals(mixed, points, cameras)
    assert (worst[:, :, SIDES].argmax(1) == 1).mean() > 0.95
    turned_camera = found.copy()
    turned_camera[:, 2] += 0.2
    off = agreement.residuals(turned_camera, points, cameras)[:, 2]
    np.testing.assert_allclose(off[:, MIDDLE], 0.2 * np.sqrt(2.0))
    np.testing.assert_allclose(off[:, SIDES], 0.0, atol=1e-9)


def test_sides_face_cameras_as_the_renderer_has_it() -> None:
    """Protects what is compared: affine cameras that were fitted to real projections see the same sides."""
    studio = make_studio(palettes=1)
    qpos = random_states(200).astype(float)
    random = np.random.default_rng(0)
    keypoints = project(studio, qpos, [Appearance().sample(random) for _ in qpos], 0.7)
    points = agreement.placed(*object_poses(studio.scene, qpos), POINTS)
    cameras = agreement.fit_cameras(keypoints.places, points)
    assert agreement.explained(keypoints.places, points, cameras).min() > 0.8, "though cameras are turned at random"
    same = agreement.turned_towards(cameras, points) == keypoints.turned_towards
    assert same.mean() > 0.95
    sides = agreement.residuals(keypoints.places, points, cameras)[..., SIDES]
    assert np.quantile(sides, 0.99) < 0.12, "half pictures"
