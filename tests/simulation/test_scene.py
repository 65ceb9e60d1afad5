"""The scene, for every robot: what the index says is where the model has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import mujoco
import numpy as np
import pytest

from dactyl import objects
from dactyl.errors import DactylError
from dactyl.robot import robot as robots
from dactyl.simulation import scene as scene_module
from dactyl.simulation.scene import Scene, SceneConfig, build
from dactyl.storage.presets import parse
from tests.simulation.scenes import scene_or_skip


@pytest.fixture(scope="module", params=robots.names())
def scene(request: pytest.FixtureRequest) -> Scene:
    return scene_or_skip(SceneConfig(robot=request.param))


def test_joints_and_actuators_are_the_robots_in_its_order(scene: Scene) -> None:
    robot, model = scene.robot, scene.model
    assert [model.joint(i).name for i in range(model.njnt - 1)] == [robot.ros_name(joint) for joint in robot.joints]
    assert [model.actuator(i).name for i in range(model.nu)] == [robot.ros_name(a) for a in robot.actuators]
    assert model.opt.timestep == robot.timing.physics


def test_the_index_says_where_things_are_in_the_state(scene: Scene) -> None:
    """Protects everything that reads a state: joints, then the object's position and orientation, and no more."""
    model = scene.model
    slices = (scene.joints, scene.object_position, scene.object_orientation)
    assert [slice_.start for slice_ in slices] == [0, scene.joints.stop, scene.object_position.stop]
    assert scene.object_orientation.stop == model.nq
    assert scene.object_position.start == model.joint("object").qposadr[0] == model.joint("object").dofadr[0]
    assert (scene.object_turn.start, scene.object_turn.stop) == (scene.object_position.stop, model.nv)
    data = mujoco.MjData(model)
    data.qpos[scene.object_position], data.qpos[scene.object_orientation] = [1.0, 2.0, 3.0], [0.5, 0.5, -0.5, 0.5]
    data.qvel[scene.object_turn] = [0.0, 0.0, 4.0]
    mujoco.mj_forward(model, data)
    np.testing.assert_allclose(data.xpos[scene.object_body], [1.0, 2.0, 3.0])
    np.testing.assert_allclose(data.xquat[scene.object_body], [0.5, 0.5, -0.5, 0.5])
    velocity = np.empty(6)
    mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_BODY, scene.object_body, velocity, 1)
    np.testing.assert_allclose(velocity[:3], [0.0, 0.0, 4.0], atol=1e-12)


def test_sites_are_found_by_name(scene: Scene) -> None:
    robot, model = scene.robot, scene.model
    assert [model.site(i).name for i in scene.fingertip_sites] == [f"marker_{finger}" for finger in robot.fingertips]
    assert [model.site(i).name for i in scene.base_sites] == [f"marker_base_{i}" for i in range(len(scene.base_sites))]
    assert len(scene.base_sites) == len(robot.markers.base)
    np.testing.assert_allclose(model.site_pos[scene.fingertip_sites], robot.markers.fingertips)
    np.testing.assert_allclose(model.site_pos[scene.object_sites], scene.object.markers)


def test_the_object_is_at_rest_where_the_workspace_is(scene: Scene) -> None:
    """Protects the places of drops and starts, which are the robot's data, from being beside the model's."""
    rotation = np.empty(9)
    mujoco.mju_quat2Mat(rotation, scene.hand_quaternion)
    place = scene.hand_position + rotation.reshape(3, 3) @ scene.robot.workspace.rest
    np.testing.assert_allclose(scene.model.qpos0[scene.object_position], place, atol=1e-12)
    np.testing.assert_allclose(scene.up, rotation.reshape(3, 3)[2])


def test_the_tilt_is_the_robots_unless_chosen(scene: Scene) -> None:
    robot = scene.robot.name
    same = build(SceneConfig(robot=robot, tilt=scene.robot.tilt))
    np.testing.assert_array_equal(same.hand_quaternion, scene.hand_quaternion)
    other = build(SceneConfig(robot=robot, tilt=scene.robot.tilt + 0.1))
    assert np.abs(other.hand_quaternion - scene.hand_quaternion).max() > 0.01


def test_old_presets_say_fingers_raised() -> None:
    """Protects users' presets from before there were other robots."""
    assert parse(SceneConfig, {"fingers_raised": 0.2, "object": "sphere"}) == SceneConfig("sphere", tilt=0.2)
    with pytest.raises(DactylError, match=r"unknown key scene.fingers: choose from object"):
        parse(SceneConfig, {"fingers": 0.2}, "scene")


@pytest.mark.parametrize("kind", objects.names())
def test_the_scene_has_the_chosen_object(kind: str) -> None:
    scene = build(SceneConfig(object=kind))
    assert scene.object is objects.load(kind)
    assert scene.model.geom_bodyid[scene.object_geom] == scene.object_body
    assert len(scene.object_mesh_ids) == len(scene.object.mesh_scales)


def test_how_things_look_can_be_edited_before_it_is_compiled() -> None:
    def paint(spec: mujoco.MjSpec) -> None:
        spec.geom("object").rgba = [0.0, 1.0, 0.0, 1.0]

    scene = build(edit=paint)
    np.testing.assert_array_equal(scene.model.geom_rgba[scene.object_geom], [0.0, 1.0, 0.0, 1.0])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (SceneConfig(object="cone"), "unknown object 'cone': choose one of block, octagonal_prism, sphere"),
        (SceneConfig(robot="shadwo"), "there is no robot 'shadwo'; there are: .*shadow"),
        (SceneConfig(tilt=2.0), "tilt = 2.0 rad is outside"),
        (SceneConfig(gain_scale=0.0), "gain_scale = 0.0 must be > 0"),
    ],
)
def test_impossible_scenes_are_refused(config: SceneConfig, message: str) -> None:
    with pytest.raises(DactylError, match=message.replace("(", r"\(")):
        build(config)


def test_a_robot_without_a_wrist_cannot_be_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects from results "with a locked wrist" of a robot that has nothing to lock."""
    free = replace(robots.load("shadow"), locked={})
    monkeypatch.setattr(scene_module.robots, "load", lambda name: free)
    with pytest.raises(DactylError, match="the robot shadow has no joint that can be locked"):
        build(SceneConfig(locked_wrist=True))


def _another_joint(spec: mujoco.MjSpec) -> None:
    body = spec.worldbody.add_body(name="door", mass=1.0, inertia=[1.0, 1.0, 1.0])
    body.add_joint(name="hinge")


def _other_limits(spec: mujoco.MjSpec) -> None:
    spec.joint("rh_FFJ3").range = np.degrees(spec.joint("rh_FFJ3").range)


def _another_name(spec: mujoco.MjSpec) -> None:
    spec.actuator("rh_FFJ3").name = "FFJ3"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_another_joint, "has other joints than expected: rh_WRJ2, .*, hinge"),
        (_another_name, "has other actuators: rh_WRJ2, .*, FFJ3,"),
        (_other_limits, "has other joint limits than its data: rad are meant"),
    ],
)
def test_a_model_that_is_not_what_the_data_says_is_refused(edit: Callable[[mujoco.MjSpec], None], message: str) -> None:
    """Protects a new robot's author: joints in another order would be another robot's angles."""
    with pytest.raises(DactylError, match=f"the model of the robot shadow {message}"):
        build(edit=edit)
