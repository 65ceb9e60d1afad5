"""Objects as data: symmetries, distances to the surface, markers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dactyl import objects
from dactyl.maths import quaternion


@pytest.mark.parametrize(("kind", "count"), [("block", 24), ("cube", 24), ("octagonal_prism", 16), ("sphere", 1)])
def test_symmetries_leave_the_shape_as_it_is(kind: str, count: int) -> None:
    """And they are all there are: as many as the groups of the cube and of the octagonal prism have."""
    shape = objects.load(kind)
    group = shape.symmetries.like(np.zeros(4))
    assert group.shape == (count, 4)
    points = np.random.default_rng(0).uniform(-0.04, 0.04, (1, 50, 3))
    scale = np.ones(1)
    for rotation in group:
        turned = quaternion.rotate(rotation, points)
        np.testing.assert_allclose(shape.clearance(turned, scale), shape.clearance(points, scale), atol=1e-9)


@pytest.mark.parametrize(("kind", "scale"), [("cube_60", 0.6), ("cube_120", 1.2)])
def test_scaled_cubes_are_the_cube_but_for_their_size(kind: str, scale: float) -> None:
    """And they stand on the table on which the cube lies."""
    shape, cube = objects.load(kind), objects.load("cube")
    assert shape.half_size == pytest.approx(scale * cube.half_size)
    np.testing.assert_allclose(shape.keypoints, scale * cube.keypoints)
    assert (shape.density, shape.colours, shape.generators) == (cube.density, cube.colours, cube.generators)
    assert cube.half_size + shape.stands == pytest.approx(shape.half_size)


@pytest.mark.parametrize(("kind", "largest"), [("block", 62.8), ("octagonal_prism", 93.0)])
def test_reduced_orientations(kind: str, largest: float) -> None:
    """Small, the same for all orientations that look alike, and still the same shape."""
    shape = objects.load(kind)
    orientations = quaternion.uniform(torch.randn(500, 4, generator=torch.Generator().manual_seed(0)).double())
    reduced = shape.reduce(orientations)
    assert reduced.shape == (500, 4)
    assert (reduced[:, 0] >= 0).all()
    assert quaternion.angle(reduced).max().rad2deg() < largest
    for rotation in shape.symmetries.like(orientations):
        alike = shape.reduce(quaternion.multiply(orientations, rotation.expand_as(orientations)))
        # atan2 of a rounded quaternion is exact to its square root
        assert quaternion.difference_angle(alike, reduced).max() < 1e-6
    relative = quaternion.multiply(quaternion.conjugate(orientations), reduced)
    distances = quaternion.difference_angle(relative[:, None], shape.symmetries.like(relative))
    assert distances.min(-1).values.max() < 1e-6


@pytest.mark.parametrize("kind", ["sphere", "ball"])
def test_a_balls_orientation_does_not_show_in_its_shape(kind: str) -> None:
    """A network is not told what no finger can feel."""
    orientations = quaternion.uniform(torch.randn(5, 4, generator=torch.Generator().manual_seed(0)))
    assert objects.load(kind).reduce(orientations).tolist() == 5 * [[1.0, 0.0, 0.0, 0.0]]


@pytest.mark.parametrize("kind", objects.names())
def test_numpy_and_torch_agree(kind: str) -> None:
    shape, generator = objects.load(kind), np.random.default_rng(1)
    orientation = quaternion.uniform(generator.normal(size=(20, 4)))
    np.testing.assert_allclose(shape.reduce(orientation), shape.reduce(torch.as_tensor(orientation)), atol=1e-12)
    points, scale = generator.uniform(-0.04, 0.04, (20, 5, 3)), generator.uniform(0.95, 1.05, 20)
    theirs = shape.clearance(torch.as_tensor(points), torch.as_tensor(scale))
    np.testing.assert_allclose(shape.clearance(points, scale), theirs, atol=1e-12)


@pytest.mark.parametrize("kind", objects.names())
def test_clearance_grows_outside_and_shrinks_with_size(kind: str) -> None:
    shape = objects.load(kind)
    x, _, z = shape.halves.tolist()
    points = torch.tensor([[[x + 0.02, 0.0, 0.0], [0.0, 0.0, -z - 0.02], [0.0, 0.0, 0.0]]])
    values = shape.clearance(points, torch.tensor([1.0]))
    torch.testing.assert_close(values, torch.tensor([[0.02, 0.02, -shape.half_size]]))
    grown = 0.04 * torch.tensor([[x, z, shape.half_size]])
    torch.testing.assert_close(shape.clearance(points, torch.tensor([1.04])), values - grown)


@pytest.mark.parametrize("kind", objects.names())
def test_markers_are_flush_with_the_faces(kind: str) -> None:
    shape = objects.load(kind)
    assert shape.markers.shape == (6, 3)
    np.testing.assert_allclose(shape.clearance(shape.markers[None], np.ones(1)), np.zeros((1, 6)), atol=1e-9)
