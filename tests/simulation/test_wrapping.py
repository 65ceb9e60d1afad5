"""The mesh that carries a cube texture around an object."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl import objects
from dactyl.simulation.appearance.wrapping import Wrapping, axes, wrap

INSET = 0.5 / 64


def normals_and_areas(mesh: Wrapping) -> tuple[np.ndarray, np.ndarray]:
    a, b, c = mesh.vertices[mesh.triangles].swapaxes(0, 1)
    cross = np.cross(b - a, c - a)
    return cross, 0.5 * np.linalg.norm(cross, axis=1)


@pytest.mark.parametrize("name", ["block", "octagonal_prism", "sphere"])
def test_the_mesh_is_the_object(name: str) -> None:
    """Protects shape and size: every vertex is on the surface, all of it is covered, triangles look outwards."""
    shape = objects.load(name)
    mesh = wrap(shape, INSET)
    points = mesh.vertices[None]
    assert np.abs(shape.clearance(points, np.ones(1))).max() < 1e-9
    cross, areas = normals_and_areas(mesh)
    middles = mesh.vertices[mesh.triangles].mean(1)
    assert ((cross * middles).sum(1) > 0.0).all()
    half = shape.half_size
    octagon = 8.0 * half**2 * np.tan(np.pi / 8)
    expected = {
        "block": 24.0 * half**2,
        "octagonal_prism": 2.0 * octagon + 16.0 * half * np.tan(np.pi / 8) * 2.0 * half,
        "sphere": 4.0 * np.pi * half**2,
    }[name]
    assert areas.sum() == pytest.approx(expected, rel=0.01 if name == "sphere" else 1e-6)


@pytest.mark.parametrize("name", ["block", "octagonal_prism", "sphere"])
def test_the_colour_is_that_of_the_ray_from_the_centre(name: str) -> None:
    """Protects every letter's place: in the middle of each triangle too, not only at its corners."""
    mesh = wrap(objects.load(name), INSET)
    points = mesh.vertices[mesh.triangles].mean(1)
    found = mesh.coordinates[mesh.triangles].mean(1)
    frames = np.stack([axes(face) for face in range(6)])
    face = (points @ frames[:, 2].T).argmax(1)
    seen = np.einsum("nij,nj->ni", frames[face], points)
    across = seen[:, :2] / seen[:, 2:]
    right, down = (0.5 + (0.5 - INSET) * across).T
    np.testing.assert_allclose(found[:, 0], right, atol=4e-3)
    np.testing.assert_allclose(6.0 * found[:, 1] - face, down, atol=4e-3)


def test_a_block_stays_two_triangles_a_side() -> None:
    """Protects pictures of the held-out renderer from before: the same mesh to the last bit."""
    mesh = wrap(objects.load("block"), INSET)
    assert (mesh.vertices.shape, mesh.triangles.shape) == ((24, 3), (12, 3))
    corners = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    for face in range(6):
        right, down, outwards = axes(face)
        expected = 0.025 * (outwards + corners @ np.stack([right, down]))
        assert (mesh.vertices[4 * face : 4 * face + 4] == expected).all()
        inside = 0.5 + (0.5 - INSET) * corners
        across = np.stack([inside[:, 0], (face + inside[:, 1]) / 6.0], axis=1)
        assert (mesh.coordinates[4 * face : 4 * face + 4] == across).all()
        assert mesh.triangles[2 * face, 0] == 4 * face
