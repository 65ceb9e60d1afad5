"""The paper's three objects: what is drawn and what counts as their corners."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl import objects


@pytest.mark.parametrize(("kind", "edges"), [("block", 12), ("octagonal_prism", 24), ("sphere", 96)])
def test_wireframes_lie_on_the_surface(kind: str, edges: int) -> None:
    """Protects what the dashboard and the object's outline in pictures show: every line ends on the object."""
    shape = objects.load(kind)
    assert shape.wireframe.shape == (edges, 2, 3)
    ends = shape.clearance(shape.wireframe, np.ones(edges))
    np.testing.assert_allclose(ends, 0.0, atol=1e-9)
    assert (np.linalg.norm(shape.wireframe[:, 0] - shape.wireframe[:, 1], axis=-1) > 1e-3).all()


@pytest.mark.parametrize(("kind", "count"), [("block", 8), ("octagonal_prism", 16)])
def test_keypoints_are_the_corners(kind: str, count: int) -> None:
    """Protects the reward by keypoints: each corner once, each where three faces meet."""
    shape = objects.load(kind)
    assert shape.keypoints.shape == (count, 3)
    assert len(np.unique(shape.keypoints.round(6), axis=0)) == count
    meeting = np.isclose(np.abs(shape.keypoints @ shape.faces.T), shape.half_size)
    assert (meeting.sum(axis=1) == 3).all()


def test_the_spheres_keypoints_are_those_of_the_cube_around_it() -> None:
    np.testing.assert_array_equal(objects.load("sphere").keypoints, objects.load("block").keypoints)
