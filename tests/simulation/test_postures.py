"""Torque motors in the simulator: the safety law exactly, and postures held by the law of the same motors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import mujoco
import numpy as np
import pytest

from dactyl.robot import parameters, torque
from dactyl.robot import robot as robots
from dactyl.robot.parameters import Key
from dactyl.robot.robot import Robot, Torques
from dactyl.simulation.scene import SceneConfig, build
from tests.toys import installed_toys

ARM = SceneConfig(robot="arm")


@pytest.fixture(scope="module")
def arm() -> Iterator[Robot]:
    with installed_toys():
        yield robots.load("arm")


def law(robot: Robot) -> tuple[float, np.ndarray, np.ndarray]:
    """Limit, damping and stiffness."""
    assert isinstance(robot.action, Torques)
    return robot.action.limit, np.array(robot.action.damping), np.array(robot.action.stiffness)


def test_motors_do_what_the_safety_law_says(arm: Robot) -> None:
    """Protects that what is trained on is what the real robot's loop does, far beyond its limits too."""
    model = build(ARM).model
    data, random = mujoco.MjData(model), np.random.default_rng(0)
    limit, damping, _ = law(arm)
    bounded = 0
    for _ in range(200):
        data.ctrl[:], data.qvel[:2] = random.normal(0.0, limit, 2), random.normal(0.0, 20.0, 2)
        mujoco.mj_forward(model, data)
        expected = torque.applied(data.ctrl, data.qvel[:2], limit, damping)
        np.testing.assert_allclose(data.actuator_force, expected, atol=1e-12)
        bounded += int((np.abs(expected) == limit).any())
    assert 20 < bounded < 200


def test_motors_that_follow_postures_do_what_both_laws_say_together(arm: Robot) -> None:
    """Within the limit: beyond it the pull is bounded with the damping, not before."""
    model = build(ARM, postures=True).model
    data, random = mujoco.MjData(model), np.random.default_rng(0)
    limit, damping, stiffness = law(arm)
    for _ in range(200):
        data.ctrl[:], data.qpos[:2] = random.uniform(-0.5, 0.5, (2, 2))
        data.qvel[:2] = random.normal(0.0, 2.0, 2)
        mujoco.mj_forward(model, data)
        pull = stiffness * (data.ctrl - data.qpos[:2])
        expected = np.clip(pull - damping * data.qvel[:2], -limit, limit)
        np.testing.assert_allclose(data.actuator_force, expected, atol=1e-12)
        inside = np.abs(pull) < limit
        both = torque.applied(torque.towards(data.ctrl, data.qpos[:2], limit, stiffness), data.qvel[:2], limit, damping)
        np.testing.assert_allclose(data.actuator_force[inside], both[inside], atol=1e-12)


def test_a_held_posture_hangs_below_its_target_by_the_weight_over_the_stiffness(arm: Robot) -> None:
    model = build(ARM, postures=True).model
    data, target = mujoco.MjData(model), np.array([0.8, 0.3])
    _, _, stiffness = law(arm)
    data.ctrl[:] = target
    mujoco.mj_step(model, data, 4000)  # 20 s
    assert np.abs(data.qvel[:2]).max() < 1e-3
    np.testing.assert_allclose(stiffness * (target - data.qpos[:2]), data.qfrc_bias[:2], atol=1e-3)
    assert 0.02 < target[0] - data.qpos[0] < 0.2


def test_without_a_torque_the_robot_sinks(arm: Robot) -> None:
    """Protects what a hold means: nothing sent is nothing held."""
    model = build(ARM).model
    data = mujoco.MjData(model)
    data.qpos[:2] = [0.8, 0.3]
    mujoco.mj_step(model, data, 100)
    assert data.qpos[0] < 0.6


def test_the_law_in_its_own_loop_holds_too(arm: Robot) -> None:
    """As a driver has it: `towards` in every cycle of 1 kHz, over motors that damp themselves."""
    model = build(ARM).model
    model.opt.timestep = 0.001
    data, target = mujoco.MjData(model), np.array([0.8, 0.3])
    limit, _, stiffness = law(arm)
    data.qpos[:2] = target
    for _ in range(3000):
        data.ctrl[:] = torque.towards(target, data.qpos[:2], limit, stiffness)
        mujoco.mj_step(model, data)
    assert np.abs(target - data.qpos[:2]).max() < 0.2


def test_robots_that_follow_postures_anyway_are_not_changed() -> None:
    plain, asked = build().model, build(postures=True).model
    for field in ("actuator_gainprm", "actuator_biasprm", "actuator_ctrlrange", "actuator_forcerange"):
        np.testing.assert_array_equal(getattr(plain, field), getattr(asked, field))


def test_a_model_calibration_scales_torques_and_the_pull_to_postures(arm: Robot, tmp_path: Path) -> None:
    """Protects the farm, whose hidden robots are calibrations: motors must stay motors, which nothing pulls back."""
    changes = {Key("shoulder", "gain"): 0.8, Key("elbow", "force_limit"): 0.5, Key("elbow", "damping"): 0.01}
    parameters.write(tmp_path / "arm.yaml", arm, changes)
    config = SceneConfig(robot="arm", calibration=str(tmp_path / "arm.yaml"), gain_scale=0.5)
    limit, damping, stiffness = law(arm)
    gains = np.array([0.4, 0.5])
    for postures, gain, pull in ((False, gains, np.zeros(2)), (True, gains * stiffness, gains * stiffness)):
        model = build(config, postures=postures).model
        np.testing.assert_allclose(model.actuator_gainprm[:, 0], gain)
        np.testing.assert_allclose(model.actuator_biasprm[:, 1], -pull)
        np.testing.assert_allclose(model.actuator_biasprm[:, 2], -damping)
        np.testing.assert_allclose(model.actuator_forcerange[:, 1], [limit, 0.5])
        np.testing.assert_allclose(model.dof_damping[:2], [0.0, 0.01])
