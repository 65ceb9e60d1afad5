"""The simulated Shadow hand: its joints and signs, actuators that hold, markers where a camera can see them."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from dactyl.errors import DactylError
from dactyl.robots.shadow.joints import (
    ACTUATOR_LIMITS,
    ACTUATORS,
    COUPLED_FINGERS,
    FINGERS,
    JOINT_LIMITS,
    JOINTS,
    joints_of,
    ros_joint_name,
)
from dactyl.robots.shadow.layout import LOCKED_WRIST, PALM_CENTER
from dactyl.robots.shadow.model import hand_quaternion, model_path
from dactyl.simulation.scene import Scene, SceneConfig, build

# Axes of the joints in their links' frames, of Shadow's own description of the right hand (sr_description): z along the
# fingers, -y out of the palm, x towards the thumb. THJ1's is written in the frame of the thumb's middle link.
SHADOW_AXES = {
    "WRJ2": (0, 1, 0), "WRJ1": (1, 0, 0),
    "FFJ4": (0, -1, 0), "MFJ4": (0, -1, 0), "RFJ4": (0, 1, 0), "LFJ4": (0, 1, 0),
    **{f"{finger}J{i}": (1, 0, 0) for finger in COUPLED_FINGERS for i in (3, 2, 1)},
    "LFJ5": (0.573576, 0, 0.819152),
    "THJ5": (0, 0, -1), "THJ4": (1, 0, 0), "THJ3": (1, 0, 0), "THJ2": (0, -1, 0), "THJ1": (0, -1, 0),
}  # fmt: skip


@pytest.fixture(scope="module")
def scene() -> Scene:
    return build()


def _hold(scene: Scene, seconds: float, targets: dict[str, float]) -> mujoco.MjData:
    """Simulate with constant actuator targets, rad; zero for those not named."""
    data = mujoco.MjData(scene.model)
    for actuator, target in targets.items():
        data.actuator(ros_joint_name(actuator)).ctrl[:] = target
    mujoco.mj_step(scene.model, data, round(seconds / scene.model.opt.timestep))
    return data


def _offset(scene: Scene, data: mujoco.MjData) -> np.ndarray:
    """Object from its place on the palm, world frame, m."""
    rotation = np.empty(9)
    mujoco.mju_quat2Mat(rotation, scene.hand_quaternion)
    return data.qpos[24:27] - scene.hand_position - rotation.reshape(3, 3) @ PALM_CENTER


def test_joints_have_shadows_names_order_and_ranges(scene: Scene) -> None:
    assert [scene.model.joint(i).name for i in range(24)] == [ros_joint_name(joint) for joint in JOINTS]
    np.testing.assert_allclose(scene.model.jnt_range[:24], JOINT_LIMITS)


@pytest.mark.parametrize("joint", JOINTS)
def test_joints_turn_the_way_shadows_description_says(scene: Scene, joint: str) -> None:
    np.testing.assert_allclose(scene.model.joint(ros_joint_name(joint)).axis, SHADOW_AXES[joint], atol=3e-3)


@pytest.mark.parametrize(
    ("joint", "towards"),
    # in the hand frame: flexion out of the palm; every finger towards the gap between middle and ring finger
    [("FFJ3", (0, -1, 0)), ("FFJ4", (-1, 0, 0)), ("MFJ4", (-1, 0, 0)), ("RFJ4", (1, 0, 0)), ("LFJ4", (1, 0, 0)),
     ("WRJ1", (0, -1, 0)), ("WRJ2", (1, 0, 0))],
)  # fmt: skip
def test_a_positive_angle_moves_the_fingertip_there(scene: Scene, joint: str, towards: tuple[int, int, int]) -> None:
    finger = joint[:2] if joint[:2] in FINGERS else "MF"
    rotation = np.empty(9)
    mujoco.mju_quat2Mat(rotation, scene.hand_quaternion)
    data = mujoco.MjData(scene.model)
    tips = []
    for angle in (0.0, 0.1):
        data.joint(ros_joint_name(joint)).qpos[:] = angle
        mujoco.mj_kinematics(scene.model, data)
        tips.append(data.site(f"marker_{finger}").xpos.copy())
    moved = rotation.reshape(3, 3).T @ (tips[1] - tips[0])
    assert moved @ towards > 0.9 * np.linalg.norm(moved)


def test_the_hand_lies_palm_up_with_its_fingers_raised() -> None:
    level, raised = (build(SceneConfig(tilt=angle)) for angle in (0.0, 0.2))
    np.testing.assert_allclose(level.up, [0.0, -1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(raised.up, [0.0, -np.cos(0.2), np.sin(0.2)], atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(hand_quaternion(0.2)), 1.0)


def test_the_twenty_actuators_are_in_order_and_pull_their_joints(scene: Scene) -> None:
    model = scene.model
    assert [model.actuator(i).name for i in range(model.nu)] == [ros_joint_name(actuator) for actuator in ACTUATORS]
    np.testing.assert_allclose(model.actuator_ctrlrange, ACTUATOR_LIMITS)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    for i, actuator in enumerate(ACTUATORS):
        data.qpos[:24] = 0.0
        for k, joint in enumerate(joints_of(actuator)):
            data.joint(ros_joint_name(joint)).qpos[:] = 0.1 * (k + 1)
        mujoco.mj_fwdPosition(model, data)
        assert data.actuator_length[i] == pytest.approx(0.1 if len(joints_of(actuator)) == 1 else 0.3)


def test_coupled_joints_share_the_sum_they_are_sent_to(scene: Scene) -> None:
    data = mujoco.MjData(scene.model)
    data.qpos[24:27] = [0.0, 0.0, 0.05]  # the object on the floor, out of the way
    data.ctrl[:] = 0.0
    for finger in COUPLED_FINGERS:
        data.actuator(f"rh_{finger}J0").ctrl[:] = 1.6
    mujoco.mj_step(scene.model, data, 250)
    for finger in COUPLED_FINGERS:
        distal, middle = (float(data.joint(f"rh_{finger}{joint}").qpos[0]) for joint in ("J1", "J2"))
        assert distal + middle == pytest.approx(1.6, abs=0.02)
        assert distal == pytest.approx(middle, abs=0.2)


@pytest.mark.parametrize("kind", ["block", "octagonal_prism", "sphere"])
def test_an_object_rests_in_the_cupped_hand_for_ten_seconds(kind: str) -> None:
    scene = build(SceneConfig(object=kind, tilt=0.0))  # a sphere rolls off a palm that is raised
    cupped = {f"{finger}J3": 0.6 for finger in COUPLED_FINGERS} | {f"{finger}J0": 0.9 for finger in COUPLED_FINGERS}
    data = _hold(scene, 10.0, {**cupped, "THJ5": 0.6, "THJ4": 0.6, "THJ1": 0.4})
    assert np.linalg.norm(_offset(scene, data)) < 0.05
    assert np.abs(data.qvel).max() < 0.2
    assert not any(warning.number for warning in data.warning)


def test_an_empty_hand_does_not_sink_under_its_own_weight(scene: Scene) -> None:
    data = mujoco.MjData(scene.model)
    data.qpos[24:27] = [0.0, 0.0, 0.05]
    mujoco.mj_step(scene.model, data, 250)
    np.testing.assert_allclose(data.qpos[:24], 0.0, atol=0.02)


def test_a_locked_wrist_stays_while_its_motor_pulls() -> None:
    moved = {}
    for locked in (False, True):
        scene = build(SceneConfig(locked_wrist=locked))
        data = mujoco.MjData(scene.model)
        data.actuator("rh_WRJ1").ctrl[:] = 0.4
        mujoco.mj_step(scene.model, data, 125)
        moved[locked] = abs(float(data.joint("rh_WRJ1").qpos[0] - scene.model.qpos0[JOINTS.index("WRJ1")]))
    assert moved[False] > 0.3
    assert moved[True] < 0.02


def test_a_locked_wrist_is_a_bent_one() -> None:
    """Same fingertips as a free hand's whose wrist is at that angle, and the object lies on the palm."""
    fingertips = {}
    for locked in (False, True):
        scene = build(SceneConfig(locked_wrist=locked))
        data = mujoco.MjData(scene.model)
        data.joint("rh_WRJ1").qpos[:] = LOCKED_WRIST
        mujoco.mj_forward(scene.model, data)
        fingertips[locked] = data.site_xpos[scene.fingertip_sites].copy()
    np.testing.assert_allclose(fingertips[True], fingertips[False], atol=1e-9)
    assert scene.model.qpos0[JOINTS.index("WRJ1")] == LOCKED_WRIST
    before = data.qpos[24:27].copy()
    mujoco.mj_step(scene.model, data, 50)
    assert np.linalg.norm(data.qpos[24:27] - before) < 0.02


@pytest.mark.parametrize("finger", FINGERS)
def test_fingertip_markers_sit_on_the_outside_of_the_nail(scene: Scene, finger: str) -> None:
    """A ray from the marker away from the link leaves; one into the link meets the skin within 6 mm."""
    model, data = scene.model, mujoco.MjData(scene.model)
    data.qpos[24:27] = [0.0, 0.0, 0.05]
    mujoco.mj_forward(model, data)
    site = model.site(f"marker_{finger}")
    distal = data.body(int(site.bodyid[0]))
    outward = distal.xmat.reshape(3, 3) @ np.array([*site.pos[:2], 0.0])
    outward /= np.linalg.norm(outward)
    start = data.site(site.id).xpos

    def hit(direction: np.ndarray) -> tuple[float, int]:
        geom = np.array([-1], dtype=np.int32)
        distance = mujoco.mj_ray(model, data, start, direction, None, 1, -1, geom, None)
        return distance, int(geom[0])

    assert hit(outward)[0] < 0 or model.geom_bodyid[hit(outward)[1]] != distal.id
    distance, geom = hit(-outward)
    assert model.geom_bodyid[geom] == distal.id
    assert 0.0 < distance < 0.006


def test_base_markers_can_be_told_apart_by_their_distances(scene: Scene) -> None:
    positions = scene.model.site_pos[scene.base_sites]
    distances = np.sort([np.linalg.norm(a - b) for i, a in enumerate(positions) for b in positions[:i]])
    assert np.diff(distances).min() > 0.003


def test_what_does_not_belong_to_the_hand_is_not_in_the_scene(scene: Scene) -> None:
    model = scene.model
    assert model.nsensor == 0
    assert [model.body(i).name for i in range(model.nbody) if not model.body(i).name.startswith("robot0:")] == [
        "world",
        "object",
    ]


def test_a_missing_hand_model_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert model_path().is_file()
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(DactylError, match="install gymnasium-robotics"):
        build()
