"""The simulated TriFinger against its URDF: limits, masses, places, and a platform that nothing leaves."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pytest

from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.robot import torque
from dactyl.robot.robot import Torques
from dactyl.robots.trifinger import layout, model
from dactyl.robots.trifinger.joints import ANGLES, HOME, JOINT_LIMITS, JOINTS
from dactyl.simulation import urdf_file as urdf
from dactyl.simulation.scene import Scene, SceneConfig, build
from dactyl.simulation.urdf import NOWHERE, Pose
from tests.simulation.scenes import scene_or_skip


def by_the_file(angles: np.ndarray, link: str) -> Pose:
    """Where a link is by the URDF alone, joint by joint."""
    read, at = model.read_model(), dict(zip(JOINTS, angles, strict=True))
    above = {joint.child: joint for joint in read.joints}
    place = NOWHERE
    while link != read.root:
        joint = above[link]
        turn = NOWHERE.quaternion
        if joint.axis is not None:
            turn = quaternion.from_rotation_vector(at[joint.name] * joint.axis)
        place = joint.origin.then(Pose(np.zeros(3), turn)).then(place)
        link = joint.parent
    return place


def test_limits_are_the_files_in_radians(scene: Scene) -> None:
    """Protects from degrees: ranges of 0.02 rad look alive and are useless."""
    np.testing.assert_allclose(scene.model.jnt_range[:9], JOINT_LIMITS, atol=1e-9)
    assert scene.model.jnt_limited[:9].all()


def test_masses_and_inertias_are_the_files(scene: Scene) -> None:
    read, total = model.read_model(), 0.0
    for name, link in read.links.items():
        if not link.mass:
            continue
        body = scene.model.body(name)
        assert body.mass[0] == pytest.approx(link.mass, rel=1e-9)
        np.testing.assert_allclose(body.ipos, link.centre, atol=1e-12)
        axes = quaternion.to_matrix(body.iquat)
        np.testing.assert_allclose(axes @ np.diag(body.inertia) @ axes.T, link.inertia, atol=1e-11)
        total += body.mass[0]
    assert total == pytest.approx(1.81, abs=0.005)


def test_fingertips_are_where_the_file_has_them(scene: Scene) -> None:
    """In any posture, to a micrometre."""
    data, random = mujoco.MjData(scene.model), np.random.default_rng(0)
    for _ in range(20):
        angles = random.uniform(*JOINT_LIMITS.T)
        data.qpos[:9] = angles
        mujoco.mj_kinematics(scene.model, data)
        for site, angle in zip(scene.fingertip_sites, ANGLES, strict=True):
            expected = by_the_file(angles, f"finger_tip_link_{angle}").position
            np.testing.assert_allclose(data.site_xpos[site], expected, atol=1e-6)


def test_the_fingers_begin_at_home(scene: Scene) -> None:
    np.testing.assert_allclose(scene.model.qpos0[:9], HOME)
    data = mujoco.MjData(scene.model)
    mujoco.mj_kinematics(scene.model, data)
    tips = data.site_xpos[scene.fingertip_sites]
    np.testing.assert_allclose(np.linalg.norm(tips[:, :2], axis=1), np.linalg.norm(tips[0, :2]), atol=1e-8)
    assert (tips[:, 2] > 0.05).all()


def test_cones_are_elliptic_so_that_a_grasp_does_not_creep(scene: Scene) -> None:
    assert scene.model.opt.cone == mujoco.mjtCone.mjCONE_ELLIPTIC
    assert 5 <= scene.model.opt.impratio <= 10


def test_capsules_are_fitted_to_the_meshes(scene: Scene) -> None:
    """What touches is within 6 mm of the bounds of what is seen; the tips' spheres are exact."""
    compiled = scene.model
    for link, capsules in layout.CAPSULES.items():
        body = compiled.body(f"{link}_0")
        ends = np.array(
            [np.array(end) + sign * radius for *pair, radius in capsules for end in pair for sign in (-1, 1)]
        )
        lower, upper = ends.min(axis=0), ends.max(axis=0)
        seen = [
            geom for geom in range(body.geomadr[0], body.geomadr[0] + body.geomnum[0])
            if compiled.geom_type[geom] == mujoco.mjtGeom.mjGEOM_MESH
        ]  # fmt: skip
        mesh = compiled.geom_dataid[seen[0]]
        start, count = compiled.mesh_vertadr[mesh], compiled.mesh_vertnum[mesh]
        turn = quaternion.to_matrix(compiled.geom_quat[seen[0]])
        vertices = compiled.mesh_vert[start : start + count] @ turn.T + compiled.geom_pos[seen[0]]
        along = int(np.argmax(np.ptp(vertices, axis=0)))
        assert abs(vertices[:, along].min() - lower[along]) < 0.007, link
        assert abs(vertices[:, along].max() - upper[along]) < 0.007, link
    tip = compiled.body("finger_tip_link_0")
    assert compiled.geom_size[tip.geomadr[0]][0] == layout.TIP_RADIUS


def test_motors_do_what_the_safety_law_says(scene: Scene) -> None:
    action = scene.robot.action
    assert isinstance(action, Torques)
    data, random = mujoco.MjData(scene.model), np.random.default_rng(0)
    for _ in range(50):
        data.ctrl[:], data.qvel[:9] = random.normal(0.0, 0.4, 9), random.normal(0.0, 3.0, 9)
        mujoco.mj_forward(scene.model, data)
        expected = torque.applied(data.ctrl, data.qvel[:9], action.limit, np.array(action.damping))
        np.testing.assert_allclose(data.actuator_force, expected, atol=1e-12)


def test_most_of_a_torque_only_carries_the_fingers(scene: Scene) -> None:
    """What a beginner's noise is up against: 60 % of the limit at home."""
    data = mujoco.MjData(scene.model)
    mujoco.mj_forward(scene.model, data)
    share = np.abs(data.qfrc_bias[:9]).reshape(3, 3).max(axis=0) / 0.36
    assert 0.5 < share.max() < 0.75


def test_random_torques_break_nothing_and_lose_nothing(scene: Scene) -> None:
    data, random = mujoco.MjData(scene.model), np.random.default_rng(0)
    for _ in range(300):
        data.ctrl[:] = random.uniform(-0.36, 0.36, 9)
        mujoco.mj_step(scene.model, data, 4)
        position = data.qpos[scene.object_position]
        assert np.linalg.norm(position[:2]) < 0.3
        assert -0.01 < position[2] < 0.4
    assert not any(warning.number for warning in data.warning)
    assert np.abs(data.qvel).max() < 50.0


@pytest.mark.parametrize("direction", np.arange(0.0, 360.0, 40.0))
def test_the_wall_keeps_a_cube_that_is_pushed_at_it(scene: Scene, direction: float) -> None:
    data = mujoco.MjData(scene.model)
    angle = np.radians(direction)
    data.qpos[:9] = np.tile([-0.33, 1.57, -2.7], 3)  # fingers out of the way
    data.qpos[scene.object_position] = [0.12 * np.cos(angle), 0.12 * np.sin(angle), 0.04]
    data.qvel[9:11] = 1.0 * np.array([np.cos(angle), np.sin(angle)])
    for _ in range(200):
        data.qfrc_applied[:9] = data.qfrc_bias[:9]  # where they stay
        mujoco.mj_step(scene.model, data)
    position = data.qpos[scene.object_position]
    assert np.linalg.norm(position[:2]) < layout.ARENA_RADIUS
    assert position[2] == pytest.approx(0.0325, abs=0.003)


def test_three_cameras_look_down_into_the_arena(scene: Scene) -> None:
    """About where trifinger_simulation has camera60, camera180 and camera300."""
    expected = [[0.2496, 0.2458, 0.4190], [0.0047, -0.2834, 0.4558], [-0.2470, 0.2513, 0.3943]]
    places = [scene.model.camera(f"camera_{i}").pos for i in range(3)]
    np.testing.assert_allclose(places, expected, atol=0.015)


@pytest.mark.parametrize(("kind", "height"), [("cube", 0.0325), ("cube_60", 0.0195), ("cube_120", 0.039)])
def test_cubes_of_every_size_lie_on_the_table(kind: str, height: float) -> None:
    """Protects trials of other sizes from cubes that fall, or jump out of the table, when an episode begins."""
    made = scene_or_skip(SceneConfig(robot="trifinger", object=kind))
    data = mujoco.MjData(made.model)
    assert data.qpos[made.object_position][2] == pytest.approx(height)
    mujoco.mj_step(made.model, data, 10)
    assert data.qpos[made.object_position][2] == pytest.approx(height, abs=0.001)


def test_the_platform_may_be_turned_about_the_vertical() -> None:
    turned = scene_or_skip(SceneConfig(robot="trifinger", object="cube", tilt=0.5))
    np.testing.assert_allclose(turned.up, [0.0, 0.0, 1.0], atol=1e-12)
    np.testing.assert_allclose(turned.hand_quaternion, [np.cos(0.25), 0.0, 0.0, np.sin(0.25)])


def test_without_its_package_the_robot_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(DactylError, match=f"model is missing: {re.escape(model.INSTALL)}"):
        build(SceneConfig(robot="trifinger"))


def test_what_is_asked_for_is_what_the_front_door_installs() -> None:
    lock = Path(__file__).parents[3] / "models.lock"
    assert f"robot-properties-fingers=={model.VERSION}" in lock.read_text().splitlines()


def test_the_package_is_read_and_not_imported(scene: Scene) -> None:
    """It would want pinocchio, 99 MB that nothing here needs."""
    assert model.PACKAGE not in sys.modules


def test_another_versions_joints_are_refused(scene: Scene) -> None:
    """Protects figures from another robot under the same name."""
    read = model.read_model()
    joints = tuple(joint._replace(limits=(-0.3, 1.0)) if joint.name == JOINTS[0] else joint for joint in read.joints)
    with pytest.raises(DactylError, match="has another TriFinger: pip install"):
        model.check(scene.robot, read._replace(joints=joints))
    with pytest.raises(DactylError, match="has another TriFinger"):
        model.check(replace(scene.robot, joints=("other", *JOINTS[1:])), read)
    assert isinstance(read, urdf.Model)
