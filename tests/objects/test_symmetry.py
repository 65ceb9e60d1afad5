"""Symmetries of the objects' shapes."""

import numpy as np
import pytest
import torch

from dactyl.maths import quaternion
from dactyl.objects import symmetry
from dactyl.simulation.objects import clearance


@pytest.mark.parametrize(("kind", "count"), [("block", 24), ("octagonal_prism", 16), ("sphere", 1)])
def test_symmetries_leave_the_shape_as_it_is(kind: str, count: int) -> None:
    """And they are all there are: as many as the groups of the cube and of the octagonal prism have."""
    group = symmetry.rotations(kind).like(np.zeros(4))
    assert group.shape == (count, 4)
    points = np.random.default_rng(0).uniform(-0.04, 0.04, (1, 50, 3))
    scale = np.ones(1)
    for rotation in group:
        turned = quaternion.rotate(rotation, points)
        np.testing.assert_allclose(clearance(kind, turned, scale), clearance(kind, points, scale), atol=1e-9)


@pytest.mark.parametrize(("kind", "largest"), [("block", 62.8), ("octagonal_prism", 93.0)])
def test_reduced_orientations(kind: str, largest: float) -> None:
    """Small, the same for all orientations that look alike, and still the same shape."""
    orientations = quaternion.uniform(torch.randn(500, 4, generator=torch.Generator().manual_seed(0)).double())
    reduced = symmetry.reduce(kind, orientations)
    assert reduced.shape == (500, 4)
    assert (reduced[:, 0] >= 0).all()
    assert quaternion.angle(reduced).max().rad2deg() < largest
    for rotation in symmetry.rotations(kind).like(orientations):
        alike = symmetry.reduce(kind, quaternion.multiply(orientations, rotation.expand_as(orientations)))
        # atan2 of a rounded quaternion is exact to its square root
        assert quaternion.difference_angle(alike, reduced).max() < 1e-6
    relative = quaternion.multiply(quaternion.conjugate(orientations), reduced)
    distances = quaternion.difference_angle(relative[:, None], symmetry.rotations(kind).like(relative))
    assert distances.min(-1).values.max() < 1e-6


def test_numpy_and_torch_agree() -> None:
    orientation = quaternion.uniform(np.random.default_rng(1).normal(size=(20, 4)))
    ours, theirs = symmetry.reduce("block", orientation), symmetry.reduce("block", torch.as_tensor(orientation))
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-12)
