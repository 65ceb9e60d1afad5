"""The three objects as MuJoCo has them: the paper's sizes, and the same surfaces as in the data."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
import torch

from dactyl import objects
from dactyl.simulation.scene import SceneConfig, build


@pytest.mark.parametrize(("kind", "volume"), [("block", 8.0), ("octagonal_prism", 16 * np.tan(np.pi / 8)),
                                              ("sphere", 4 / 3 * np.pi)])  # fmt: skip
def test_objects_are_five_centimetres_wide_and_of_one_density(kind: str, volume: float) -> None:
    model = build(SceneConfig(object=kind)).model
    assert objects.load(kind).half_size == 0.025
    assert model.body("object").mass[0] == pytest.approx(567.0 * volume * 0.025**3, rel=1e-6)
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
