"""The laboratory of a robot that takes torques: the operator holds it until the first torque comes."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.environment import task as tasks
from dactyl.environment.laboratory import Laboratory
from dactyl.robot.control import ActionMeaning
from dactyl.robot.robot import Robot
from dactyl.simulation.scene import SceneConfig, build


def laboratory(meaning: ActionMeaning | None = None, object: str = "cube") -> Laboratory:
    return Laboratory(build(SceneConfig(robot="arm", object=object)), tasks.load("repose"), 0, 0.0, meaning)


def test_its_actions_are_torques_by_default(arm: Robot) -> None:
    assert laboratory()._meaning == ActionMeaning("torque", smoothing=1.0)


def test_the_operator_holds_the_robot_where_it_was_placed(arm: Robot) -> None:
    """Protects a trial's start from a robot that has sunk while its object was put down."""
    lab = laboratory()
    lab.place_object(0)
    lab.step(400)
    np.testing.assert_allclose(lab.data.qpos[:2], 0.0, atol=0.02)
    lab.data.qvel[:2] = 2.0
    lab.step(400)
    np.testing.assert_allclose(lab.data.qpos[:2], 0.0, atol=0.05)


def test_the_first_torque_takes_the_operators_hands_off(arm: Robot) -> None:
    lab = laboratory()
    lab.place_object(0)
    lab.command([0, 1], np.array([0.5, 0.0]))
    lab.step(20)
    assert lab.data.qpos[0] > 0.1
    np.testing.assert_array_equal(lab.targets, [0.5, 0.0])
    lab.place_object(1)
    lab.step(400)
    np.testing.assert_allclose(lab.data.qpos[:2], 0.0, atol=0.02)


@pytest.mark.parametrize("origin", ["torque", "middle"])
def test_random_actions_before_a_trial_mean_what_the_policys_do(arm: Robot, origin: str) -> None:
    """Postures are followed by the law of the motors, torques are sent; both end in a hold."""
    lab = laboratory(ActionMeaning(origin, 0.3, 1.0), "sphere")  # ten of them
    lab.place_object(0)
    start = lab.data.qpos[:2].copy()
    assert np.abs(start).max() > 0.005
    lab.step(300)
    assert np.abs(lab.data.qpos[:2] - start).max() < 0.3
    assert np.abs(lab.targets).max() <= 0.8


def test_targets_of_position_controllers_are_still_targets() -> None:
    lab = Laboratory(build(), tasks.load("reorient"), 0, 0.0)
    lab.command([3], np.array([0.2]))
    lab.step(50)
    assert lab.targets[3] == 0.2
