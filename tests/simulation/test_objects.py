"""The objects as MuJoCo has them: the paper's sizes, and the same surfaces as in the data."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
import torch

from dactyl import objects
from dactyl.simulation.objects import face_name
from dactyl.simulation.scene import SceneConfig, build


@pytest.mark.parametrize(("kind", "volume"), [("block", 8.0), ("octagonal_prism", 16 * np.tan(np.pi / 8)),
                                              ("sphere", 4 / 3 * np.pi)])  # fmt: skip
def test_objects_are_five_centimetres_wide_and_of_one_density(kind: str, volume: float) -> None:
    model = build(SceneConfig(object=kind)).model
    assert objects.load(kind).half_size == 0.025
    assert model.body("object").mass[0] == pytest.approx(567.0 * volume * 0.025**3, rel=1e-6)
    np.testing.assert_allclose(model.body("object").ipos, 0.0, atol=1e-9)


def test_the_cube_is_trifingers() -> None:
    """65 mm, 94 g, and the inertia that trifinger_simulation gives it."""
    model = build(SceneConfig(object="cube")).model
    assert objects.load("cube").half_size == 0.0325
    assert model.body("object").mass[0] == pytest.approx(0.094, rel=1e-9)
    np.testing.assert_allclose(model.body("object").inertia, 6.6e-5, atol=5e-7)


def test_the_cubes_faces_have_the_challenges_colours_and_nothing_touches_them() -> None:
    """Blue up, red along x, green along y; paint has no weight and meets nothing."""
    scene = build(SceneConfig(object="cube"))
    model = scene.model
    for face, (normal, colour) in enumerate(
        [
            ((1, 0, 0), (1, 0, 0)), ((-1, 0, 0), (1, 0, 1)), ((0, 1, 0), (0, 0.8, 0)),
            ((0, -1, 0), (1, 1, 0)), ((0, 0, 1), (0, 0, 1)), ((0, 0, -1), (0, 1, 1)),
        ]
    ):  # fmt: skip
        geom = model.geom(face_name(face))
        np.testing.assert_allclose(geom.rgba[:3], colour, atol=1e-6)
        np.testing.assert_allclose(geom.pos, 0.0328 * np.array(normal), atol=1e-9)
        assert (geom.contype[0], geom.conaffinity[0], geom.bodyid[0]) == (0, 0, scene.object_body)
    assert build().model.ngeom < model.ngeom
    np.testing.assert_allclose(model.body("object").ipos, 0.0, atol=1e-9)


@pytest.mark.parametrize("kind", objects.names())
def test_clearance_is_the_distance_to_the_surface_along_the_nearest_face(kind: str) -> None:
    """Against rays: a ray from inside, along the direction of the deepest face, leaves after -clearance."""
    scene = build(SceneConfig(object=kind))
    shape = scene.object
    model, data = scene.model, mujoco.MjData(scene.model)
    data.qpos[24:31] = [0.0, 0.0, 5.0, 1.0, 0.0, 0.0, 0.0]
    mujoco.mj_forward(model, data)
    generator = np.random.default_rng(0)
    for point in generator.uniform(-0.4, 0.4, (20, 3)) * shape.half_size:
        directions = generator.standard_normal((2000, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        exits = [mujoco.mj_ray(model, data, point + data.qpos[24:27], d, None, 1, -1, np.zeros(1, np.int32), None)
                 for d in directions]  # fmt: skip
        inside = -shape.clearance(torch.as_tensor(point)[None, None], torch.ones(1)).item()
        assert min(exits) == pytest.approx(inside, rel=0.02)


@pytest.mark.parametrize("kind", objects.names())
def test_markers_are_where_the_data_has_them(kind: str) -> None:
    scene = build(SceneConfig(object=kind))
    np.testing.assert_allclose(scene.model.site_pos[scene.object_sites], scene.object.markers)
    assert (scene.model.site_bodyid[scene.object_sites] == scene.object_body).all()


def test_the_prism_is_compiled_in_every_size() -> None:
    scene = build(SceneConfig(object="octagonal_prism"))
    for mesh, scale in zip(scene.object_mesh_ids, scene.object.mesh_scales, strict=True):
        start, count = scene.model.mesh_vertadr[mesh], scene.model.mesh_vertnum[mesh]
        heights = scene.model.mesh_vert[start : start + count, 2]
        assert heights.max() == pytest.approx(scale * scene.object.half_size, rel=1e-5)
