"""The GR1's exercise keeps clear of table and body; the joints that others move are calibrated with those."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from dactyl.calibration.model import simulated
from dactyl.calibration.model.autotune import autotune
from dactyl.calibration.model.exercise import exercise_of, motion
from dactyl.calibration.model.fit import pose
from dactyl.calibration.model.problem import Problem
from dactyl.calibration.model.replay import scene_of
from dactyl.calibration.model.space import space_of
from dactyl.calibration.model.windows import groups_of
from dactyl.robot import parameters
from dactyl.robot.parameters import Key, from_vector
from dactyl.simulation.scene import Scene, SceneConfig
from tests.simulation.scenes import scene_or_skip

LONGEST = 240.0
"""s of a robot's time, autotune's four minutes."""


@pytest.fixture(params=["gr1", "gr1_inspire", "gr1_right"])
def any_scene(request: pytest.FixtureRequest) -> Scene:
    scene_or_skip(SceneConfig(robot=request.param, object="cylinder"))
    return scene_of(request.param)


def test_nothing_touches_wherever_a_target_leads(any_scene: Scene) -> None:
    """Protects a real robot, and the fit, which knows no contacts. Hands are told not to touch themselves."""
    robot, data = any_scene.robot, mujoco.MjData(any_scene.model)
    for targets in np.unique(motion(robot, exercise_of(robot)), axis=0):
        angles = np.linalg.pinv(robot.actuation) @ targets
        for joint, moved_by, k, b in robot.couplings:
            angles[robot.joints.index(joint)] = k * angles[robot.joints.index(moved_by)] + b
        data.qpos[any_scene.joints] = angles
        mujoco.mj_kinematics(any_scene.model, data)
        mujoco.mj_collision(any_scene.model, data)
        assert data.ncon == 0


def test_one_arm_takes_less_than_four_minutes(scene: Scene) -> None:
    robot = scene.robot
    assert len(motion(robot, exercise_of(robot))) * robot.timing.control < LONGEST


def test_targets_stay_within_the_limits(any_scene: Scene) -> None:
    robot = any_scene.robot
    targets = motion(robot, exercise_of(robot))
    assert (targets >= robot.actuator_limits[:, 0] - 1e-9).all()
    assert (targets <= robot.actuator_limits[:, 1] + 1e-9).all()


def test_a_joint_belongs_to_the_part_that_moves_it(scene: Scene) -> None:
    robot = scene.robot
    index = next(group for group in groups_of(exercise_of(robot), scene) if group.name == "right index")
    assert [robot.joints[joint] for joint in index.joints] == ["R_index_proximal_joint", "R_index_intermediate_joint"]
    assert [robot.couplings[coupling].joint for coupling in index.couplings] == ["R_index_intermediate_joint"]


@pytest.mark.slow  # a recording of the whole arm
def test_autotune_finds_a_hidden_coupling(scene: Scene) -> None:
    """The fingers' k is 15 % off and their b 0.08 rad: what is left of the error is less than half."""
    robot, nominal = scene.robot, scene_of("gr1_right").parameters
    true = nominal.copy()
    true.coupling("k")[:] *= 1.15
    true.coupling("b")[:] = 0.08
    recording = simulated.record(robot, true, exercise_of(robot), 0, noise=0.001)
    posed = pose(recording, "the hidden robot", kinds=("k", "b"))
    found = posed.space.from_unit(autotune(Problem(posed.replay, posed.space, report=lambda _: None), 96).lowest)
    before, after, best = posed.judge.errors(np.stack([posed.space.nominal, found, true.vector()]))
    fingers = [i for i, group in enumerate(posed.groups) if len(group.couplings)]
    assert (after[fingers] < 0.25 * before[fingers]).all()
    assert (best[fingers] < after[fingers]).all()
    k = [posed.space.keys.index(Key(coupling.joint, "k")) for coupling in robot.couplings]
    assert np.abs(found - true.vector())[k].mean() < np.abs(posed.space.nominal - true.vector())[k].mean()


def test_couplings_are_sought_about_the_files(scene: Scene) -> None:
    """Their limits and margins are nothing that a calibration could find: nothing stops such a joint but the other."""
    space = space_of(scene.robot, scene_of("gr1_right").parameters)
    for key, sought in zip(space.keys, space.sought, strict=True):
        if key.parameter in parameters.COUPLING_PARAMETERS:
            assert sought, key
        elif key.part in {coupling.joint for coupling in scene.robot.couplings}:
            assert sought == (key.parameter == "damping"), key
    middle = from_vector(scene.robot, space.from_unit(np.full(len(space.nominal), 0.5)))
    np.testing.assert_allclose(middle.couplings, scene_of("gr1_right").parameters.couplings, atol=1e-9)
