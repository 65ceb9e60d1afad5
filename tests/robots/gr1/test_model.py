"""The simulated GR1 against its URDF: limits, masses, places, couplings; and an upper body that stays in one piece."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import mujoco
import numpy as np
import pytest

from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.robot import parameters
from dactyl.robot.parameters import Key
from dactyl.robots.gr1 import joints, layout, model
from dactyl.robots.gr1.joints import FINGERS, FOURIER, INSPIRE, PREFIXES
from dactyl.robots.gr1.robots import BOTH, RIGHT
from dactyl.simulation import calibrated, urdf_file
from dactyl.simulation.scene import Scene, SceneConfig
from dactyl.simulation.urdf import NOWHERE, Pose
from tests.simulation.scenes import scene_or_skip


def by_the_file(read: urdf_file.Model, angles: dict[str, float], link: str) -> Pose:
    """Where a link is by the URDF alone, joint by joint, in the robot's frame; what is not named stays at 0."""
    above = {joint.child: joint for joint in read.joints}
    place = NOWHERE
    while link != read.root:
        joint = above[link]
        turn = NOWHERE.quaternion
        if joint.axis is not None:
            turn = quaternion.from_rotation_vector(angles.get(joint.name, 0.0) * joint.axis)
        place = joint.origin.then(Pose(np.zeros(3), turn)).then(place)
        link = joint.parent
    return place


@pytest.fixture(params=["gr1", "gr1_inspire", "gr1_right"])
def any_scene(request: pytest.FixtureRequest) -> Scene:
    return scene_or_skip(SceneConfig(robot=request.param, object="cylinder"))


def hand_of(scene: Scene) -> joints.Hand:
    return INSPIRE if scene.robot.name == "gr1_inspire" else FOURIER


def test_limits_of_motors_are_the_files_in_radians(any_scene: Scene) -> None:
    """Protects from degrees: ranges of 0.02 rad look alive and are useless."""
    limits = {joint.name: joint.limits for joint in model.read_model(hand_of(any_scene)).hinges()}
    for joint in any_scene.robot.actuators:
        found = any_scene.model.joint(joint)
        np.testing.assert_allclose(found.range, limits[joint], atol=1e-9)
        assert any_scene.model.jnt_limited[found.id]


def test_masses_and_inertias_are_the_files(any_scene: Scene) -> None:
    read = model.read_model(hand_of(any_scene))
    for name, link in read.links.items():
        if not link.mass or name == read.root:
            continue
        body = any_scene.model.body(name)
        assert body.mass[0] == pytest.approx(link.mass, rel=1e-9)
        axes = quaternion.to_matrix(body.iquat)
        np.testing.assert_allclose(axes @ np.diag(body.inertia) @ axes.T, link.inertia, atol=1e-11)


def test_fingertips_are_where_the_file_has_them(any_scene: Scene) -> None:
    """In any posture, to a micrometre: the tip links of the file."""
    hand, robot = hand_of(any_scene), any_scene.robot
    read = model.read_model(hand)
    data, random = mujoco.MjData(any_scene.model), np.random.default_rng(0)
    for _ in range(5):
        angles = random.uniform(*robot.joint_limits.T)
        data.qpos[any_scene.joints] = angles
        mujoco.mj_kinematics(any_scene.model, data)
        named = dict(zip(robot.joints, angles, strict=True))
        for site, tip in zip(any_scene.fingertip_sites, robot.fingertips, strict=True):
            side, _, finger = tip.partition("_")
            link = f"{PREFIXES[side]}_{finger}_tip{'' if hand is INSPIRE else '_link'}"
            expected = by_the_file(read, named, link).position + np.array([0.0, 0.0, layout.HIP_HEIGHT])
            np.testing.assert_allclose(data.site_xpos[site], expected, atol=1e-6)


def test_the_model_begins_at_home_and_coupled(any_scene: Scene) -> None:
    sides = RIGHT if any_scene.robot.name == "gr1_right" else BOTH
    home = joints.home(hand_of(any_scene), sides)
    np.testing.assert_allclose(any_scene.model.qpos0[any_scene.joints], list(home.values()))
    data = mujoco.MjData(any_scene.model)
    mujoco.mj_forward(any_scene.model, data)
    assert data.ncon < 12, "hands and arms touch nothing at first"
    equality = data.efc_type[: data.nefc] == mujoco.mjtConstraint.mjCNSTR_EQUALITY
    np.testing.assert_allclose(data.efc_pos[: data.nefc][equality], 0.0, atol=1e-9)


@pytest.mark.parametrize("end", [0, 1])
def test_coupled_joints_follow(scene: Scene, end: int) -> None:
    """q_u = k q_a + b, wherever the motors bring q_a."""
    data, robot = mujoco.MjData(scene.model), scene.robot
    data.qpos[scene.object_position] = [2.0, 2.0, 0.1]
    targets = robot.actuator_positions(scene.model.qpos0[scene.joints]).copy()
    for i, actuator in enumerate(robot.actuators):
        if actuator.startswith("R_"):
            low, high = robot.actuator_limits[i]
            targets[i] = low + (0.3 + 0.4 * end) * (high - low)
    data.ctrl[:] = targets
    mujoco.mj_step(scene.model, data, 400)
    angles = dict(zip(robot.joints, data.qpos[scene.joints], strict=True))
    for coupled in joints.couplings(FOURIER, RIGHT):
        assert angles[coupled.joint] == pytest.approx(coupled.k * angles[coupled.moved_by] + coupled.b, abs=0.03)
        assert abs(angles[coupled.moved_by] - targets[robot.actuators.index(coupled.moved_by)]) < 0.15


def test_motors_have_the_files_torques_and_the_layouts_gains(scene: Scene) -> None:
    efforts = {joint.name: joint.effort for joint in model.read_model(FOURIER).joints}
    for joint in scene.robot.actuators:
        motor = scene.model.actuator(joint)
        hand = joint.startswith("R_")
        assert motor.gainprm[0] == layout.STIFFNESS["hand" if hand else "arm"]
        assert motor.forcerange[1] == (layout.HAND_TORQUE if hand else efforts[joint])


def test_a_calibrations_couplings_reach_the_model(scene: Scene, tmp_path: Path) -> None:
    """q_u = k · q_a + b, in motion too, and the moved joint's limits follow (Lin et al., appendix A)."""
    file, moved, by = tmp_path / "model.yaml", "R_thumb_distal_joint", "R_thumb_proximal_pitch_joint"
    parameters.write(file, scene.robot, {Key(moved, "k"): 0.8, Key(moved, "b"): 0.1})
    found = scene_or_skip(SceneConfig(robot="gr1_right", object="cylinder", calibration=str(file)))
    row = [coupling.joint for coupling in scene.robot.couplings].index(moved)
    np.testing.assert_allclose(found.parameters.couplings[row], [0.8, 0.1])
    low, high = found.model.joint(by).range
    np.testing.assert_allclose(found.model.joint(moved).range, [0.8 * low + 0.1, 0.8 * high + 0.1])
    data = mujoco.MjData(found.model)
    data.ctrl[:] = found.robot.actuator_positions(found.model.qpos0[found.joints])
    data.ctrl[found.robot.actuators.index(by)] = 0.7
    mujoco.mj_step(found.model, data, 250)
    assert data.joint(by).qpos[0] > 0.5
    assert data.joint(moved).qpos[0] == pytest.approx(0.8 * data.joint(by).qpos[0] + 0.1, abs=0.02)


def test_a_calibration_that_changes_nothing_leaves_the_model_as_it_is(any_scene: Scene) -> None:
    """Protects home and limits, which the model counts couplings from."""
    before, after = any_scene.model, copy.copy(any_scene.model)
    calibrated.apply(after, any_scene.robot, calibrated.parameters_of(before, any_scene.robot))
    for name in ("eq_data", "jnt_range", "dof_damping", "actuator_gainprm", "actuator_forcerange"):
        np.testing.assert_allclose(getattr(after, name), getattr(before, name), atol=1e-12)


def test_cones_are_elliptic_so_that_a_grasp_does_not_slip(scene: Scene) -> None:
    assert scene.model.opt.cone == mujoco.mjtCone.mjCONE_ELLIPTIC
    assert 5 <= scene.model.opt.impratio <= 10


def test_what_is_felt_is_fitted_to_what_is_seen(scene: Scene) -> None:
    """Each primitive's centre lies within its link's mesh's bounds, and it is no larger than these by 1.5 cm."""
    compiled, found = scene.model, 0
    for geom in range(compiled.ngeom):
        body = compiled.geom_bodyid[geom]
        if compiled.geom_group[geom] != 3 or body == scene.object_body:
            continue
        seen = [
            other for other in range(compiled.ngeom)
            if compiled.geom_bodyid[other] == body and compiled.geom_type[other] == mujoco.mjtGeom.mjGEOM_MESH
        ]  # fmt: skip
        mesh = compiled.geom_dataid[seen[0]]
        start, count = compiled.mesh_vertadr[mesh], compiled.mesh_vertnum[mesh]
        turn = quaternion.to_matrix(compiled.geom_quat[seen[0]])
        vertices = compiled.mesh_vert[start : start + count] @ turn.T + compiled.geom_pos[seen[0]]
        centre = compiled.geom_pos[geom]
        assert (centre > vertices.min(axis=0)).all(), compiled.body(body).name
        assert (centre < vertices.max(axis=0)).all(), compiled.body(body).name
        widest = 2 * compiled.geom_rbound[geom]
        assert widest < np.linalg.norm(np.ptp(vertices, axis=0)) + 0.03, compiled.body(body).name
        found += 1
    assert found >= 12, "palm, five fingers of two, forearm, chest"


def test_the_two_hands_touch_each_other_and_not_themselves(both: Scene) -> None:
    def masks(body: str) -> tuple[int, int]:
        geoms = [g for g in range(both.model.ngeom) if both.model.geom_bodyid[g] == both.model.body(body).id]
        felt = next(g for g in geoms if both.model.geom_contype[g])
        return int(both.model.geom_contype[felt]), int(both.model.geom_conaffinity[felt])

    left, right = masks("L_index_proximal_link"), masks("R_index_proximal_link")
    assert left[0] & right[1]
    assert not left[0] & left[1]
    assert not right[0] & right[1]
    thing = both.model.geom("object")
    for hand in (left, right):
        assert int(thing.contype[0]) & hand[1] or hand[0] & int(thing.conaffinity[0])


@pytest.mark.slow
def test_random_targets_break_nothing(both: Scene) -> None:
    data, random = mujoco.MjData(both.model), np.random.default_rng(0)
    for _ in range(100):
        data.ctrl[:] = random.uniform(*both.robot.actuator_limits.T)
        mujoco.mj_step(both.model, data, both.robot.timing.substeps)
        assert np.isfinite(data.qpos).all()
    assert not any(data.warning[kind].number for kind in range(len(data.warning)))


def test_an_object_lies_still_on_the_table(any_scene: Scene) -> None:
    data = mujoco.MjData(any_scene.model)
    data.ctrl[:] = any_scene.robot.actuator_positions(any_scene.model.qpos0[any_scene.joints])
    mujoco.mj_step(any_scene.model, data, 250)
    moved = data.qpos[any_scene.object_position] - any_scene.model.qpos0[any_scene.object_position]
    assert np.abs(moved).max() < 0.004


def test_a_package_that_is_missing_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, model.PACKAGE, None)
    monkeypatch.setattr(model.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DactylError, match=r"the GR1's model is missing: pip install --no-deps fourier-robot-desc"):
        model.read_model(FOURIER)


def test_a_file_with_other_joints_is_refused(scene: Scene) -> None:
    """Protects from another version of the package, whose robot would be another."""
    read = model.read_model(FOURIER)
    other = [replace_limits(joint) if joint.name == "right_elbow_pitch_joint" else joint for joint in read.joints]
    with pytest.raises(DactylError, match=r"has another GR1, whose right_elbow_pitch_joint differs"):
        model.check(FOURIER, RIGHT, read._replace(joints=tuple(other)))


def replace_limits(joint: urdf_file.Joint) -> urdf_file.Joint:
    return joint._replace(limits=(-1.0, 1.0))


def test_every_finger_has_its_links(scene: Scene) -> None:
    """Protects what hides markers, and what a tip is drawn from."""
    for finger in FINGERS:
        for i in range(3):
            assert scene.model.site(f"link_right_{finger}_{i}").id >= 0
