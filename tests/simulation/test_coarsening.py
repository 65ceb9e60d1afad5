"""Scenes that are only looked at: fewer triangles and a floor that ends, and the same pictures and states."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from dactyl.simulation.coarsening import coarse
from dactyl.simulation.rendering import SceneRenderer
from dactyl.simulation.scene import SceneConfig, build

SIZE = (320, 240)


def pictures(robot: str, grid: float, endless: bool = False) -> tuple[np.ndarray, int]:
    """What the three cameras see, and of how many triangles the meshes are."""
    scene = coarse(build(SceneConfig(robot=robot)), grid)
    if endless:
        scene.model.geom("floor").size[:] = [0.0, 0.0, 1.0]
    with SceneRenderer(scene, *SIZE) as renderer:
        shown = [renderer.render(scene.model.qpos0, name).astype(int) for name in scene.robot.cameras.places]
    return np.stack(shown), int(scene.model.nmeshface)


@pytest.mark.parametrize("robot", ["shadow", "trifinger"])
def test_coarser_meshes_show_the_same_in_the_same_states(robot: str) -> None:
    """Protects simulated cameras: what saves time moves nothing and hides nothing."""
    fine, triangles = pictures(robot, 0.0)
    merged, fewer = pictures(robot, 0.006)
    assert fewer < 0.4 * triangles
    assert np.abs(fine - merged).mean() < 4.0
    scene = build(SceneConfig(robot=robot))
    placed = []
    for model in (scene.model, coarse(scene, 0.006).model):
        data = mujoco.MjData(model)
        mujoco.mj_kinematics(model, data)
        placed.append(np.concatenate([data.xpos.ravel(), data.cam_xpos.ravel()]))
    assert np.abs(placed[0] - placed[1]).max() < 1e-9


def test_meshes_smaller_than_a_cell_remain_meshes() -> None:
    """Protects robots of small parts: a cell larger than the whole hand leaves what would be no solid any more."""
    scene = build(SceneConfig())
    model = coarse(scene, 1.0).model
    assert model.mesh_facenum.min() >= 8
    assert model.nmesh == scene.model.nmesh


def test_where_the_floor_ends_nobody_sees_it() -> None:
    """Protects pictures that estimators learn from: the cameras' are the same to the last bit."""
    assert (pictures("shadow", 0.0, endless=True)[0] == pictures("shadow", 0.0)[0]).all()


def test_nothing_falls_past_the_end_of_the_floor() -> None:
    """Protects physics: bodies meet an endless floor, however much of it is drawn."""
    scene = build(SceneConfig())
    data = mujoco.MjData(scene.model)
    data.qpos[scene.object_position] = [30.0, 0.0, 0.1]
    for _ in range(1000):
        mujoco.mj_step(scene.model, data)
    assert 0.0 < data.qpos[scene.object_position][2] < 0.06
