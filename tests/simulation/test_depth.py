"""Depth images by rays: each pixel's depth against geometry done by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dactyl.robot.robot import Eye
from dactyl.simulation.depth import DepthCamera, directions
from dactyl.simulation.scene import Scene, build

EYE = Eye(np.zeros(3), np.zeros(3), 40.0, 32, 24, 1.0)
DOWN = np.diag([1.0, -1.0, -1.0])
"""Columns: right, down and ahead of a camera that looks straight down, in the world."""


@pytest.fixture(scope="module")
def scene() -> Scene:
    return build()


def seen(scene: Scene, height: float, size: float = 1.0, eye: Eye = EYE) -> np.ndarray:
    """The block alone, far from the hand, from so far above its centre, m."""
    qpos = scene.model.qpos0.copy()
    place = np.array([3.0, 3.0, 1.0])
    qpos[scene.object_position], qpos[scene.object_orientation] = place, [1.0, 0.0, 0.0, 0.0]
    rays = directions(eye) @ DOWN.T
    camera = DepthCamera(scene, eye, 2, threads=1)
    origins = np.tile(place + np.array([0.0, 0.0, height]), (2, 1))
    return camera.images(np.tile(qpos, (2, 1)), np.full(2, size), origins, np.tile(rays, (2, 1, 1)))


def test_rays_go_through_the_middles_of_pixels() -> None:
    rays = directions(EYE).reshape(24, 32, 3)
    np.testing.assert_array_equal(rays[..., 2], 1.0)
    np.testing.assert_allclose(rays, -rays[::-1, ::-1] * [1.0, 1.0, -1.0])
    half = np.tan(np.radians(20.0))
    np.testing.assert_allclose(np.diff(rays[:, 0, 1]), 2 * half / 24)
    np.testing.assert_allclose(np.diff(rays[0, :, 0]), 2 * half / 24, err_msg="pixels are square")
    assert directions(EYE, 0.2)[:, 0].max() > directions(EYE)[:, 0].max()


def test_a_face_that_is_level_is_equally_deep_everywhere(scene: Scene) -> None:
    """Depth along the axis, not along the ray; and as many pixels as a 5 cm face covers."""
    images = seen(scene, 0.225)
    assert (images.shape, images.dtype) == ((2, 1, 24, 32), np.float32)
    np.testing.assert_array_equal(images[0], images[1])
    face = images[0, 0][images[0, 0] > 0.0]
    np.testing.assert_allclose(face, 0.2, atol=1e-6)
    pixel = 2 * 0.2 * np.tan(np.radians(20.0)) / 24
    assert len(face) == pytest.approx((0.05 / pixel) ** 2, rel=0.2)


def test_around_the_object_the_floor_is_seen_and_is_no_object(scene: Scene) -> None:
    """Protects masks: what is not the object has a depth of its own, and the object's image is what the mask covers."""
    eye = Eye(np.zeros(3), np.zeros(3), 40.0, 32, 24, 3.0)
    qpos = scene.model.qpos0[None].copy()
    place = np.array([3.0, 3.0, 1.0])
    qpos[0, scene.object_position], qpos[0, scene.object_orientation] = place, [1.0, 0.0, 0.0, 0.0]
    camera = DepthCamera(scene, eye, 1, threads=1)
    where = (qpos, np.ones(1), place[None] + np.array([0.0, 0.0, 0.225]), (directions(eye) @ DOWN.T)[None])
    depth, is_object = camera.see(*where)
    assert depth.shape == is_object.shape == (1, 1, 24, 32)
    assert (depth.dtype, is_object.dtype) == (np.float32, bool)
    np.testing.assert_allclose(depth[is_object], 0.2, atol=1e-6)
    np.testing.assert_allclose(depth[~is_object], 1.225, atol=1e-5)
    np.testing.assert_array_equal(np.where(is_object, depth, 0.0), camera.images(*where))
    depth, is_object = DepthCamera(scene, replace(eye, reach=0.1), 1, threads=1).see(*where)
    assert not depth.any()
    assert not is_object.any(), "no mask where there is no depth"


def test_a_larger_object_is_nearer(scene: Scene) -> None:
    assert seen(scene, 0.225, 1.2).max() == pytest.approx(0.195, abs=1e-6)


def test_what_is_out_of_reach_or_another_thing_is_not_seen(scene: Scene) -> None:
    assert seen(scene, 1.5).max() == 0.0
    beside = seen(scene, -0.5)
    assert beside.max() == 0.0, "the floor below is no object"
