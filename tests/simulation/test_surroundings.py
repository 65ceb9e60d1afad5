"""What is around every robot: cameras that see its workspace."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from dactyl.maths import quaternion
from dactyl.robot import robot as robots
from dactyl.simulation.scene import Scene, SceneConfig, build
from tests.simulation.scenes import scene_or_skip


@pytest.fixture(scope="module", params=robots.names())
def scene(request: pytest.FixtureRequest) -> Scene:
    return scene_or_skip(SceneConfig(robot=request.param))


def test_every_camera_looks_at_the_workspace(scene: Scene) -> None:
    """Protects where cameras are: at their distance from what they look at, which is near where an object is placed."""
    cameras = scene.robot.cameras
    data = mujoco.MjData(scene.model)
    mujoco.mj_forward(scene.model, data)
    aim = quaternion.rotate(scene.hand_quaternion, cameras.aim)
    looked_at = data.qpos[scene.object_position] + aim
    assert np.linalg.norm(aim) < 0.1
    assert [scene.model.camera(i).name for i in range(scene.model.ncam)] == list(cameras.places)
    for camera in cameras.places:
        view = data.camera(camera)
        sight = -view.xmat.reshape(3, 3)[:, 2]
        np.testing.assert_allclose(sight, (looked_at - view.xpos) / cameras.distance, atol=1e-6)
        assert np.linalg.norm(looked_at - view.xpos) == pytest.approx(cameras.distance)
        assert scene.model.camera(camera).fovy[0] == cameras.fovy
        _, elevation = cameras.places[camera]
        assert np.degrees(np.arcsin(-sight[2])) == pytest.approx(elevation)


def test_a_dropped_object_is_caught_by_the_floor() -> None:
    scene = build()
    data = mujoco.MjData(scene.model)
    data.qpos[scene.object_position] = [0.5, -0.5, 0.3]
    mujoco.mj_step(scene.model, data, 250)
    assert data.qpos[scene.object_position][2] == pytest.approx(scene.object.half_size, abs=2e-3)
