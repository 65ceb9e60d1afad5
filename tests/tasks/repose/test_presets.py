"""The task's presets: each is right, and the four that compare differ in what they compare alone."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dactyl.environment import task as tasks
from dactyl.environment.randomization import of_task
from dactyl.learning import evaluation, presets, train
from dactyl.robot import robot as robots
from dactyl.tasks import repose
from dactyl.tasks.repose.randomization import RANDOMIZATION

FOLDER = Path(repose.__file__).parent / "presets"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
PAGE = Path(__file__).resolve().parents[3] / "docs" / "trifinger.md"
PLANAR = [f"trifinger-{seen}-{paid}" for seen in ("kp", "pq") for paid in ("kp", "pq")]


@pytest.mark.parametrize("name", NAMES)
def test_presets_are_valid_and_make_a_policy_for_the_robot(name: str) -> None:
    contract = train.contract(presets.read_preset(name), name)
    assert (contract.robot, contract.task, contract.object) == ("trifinger", "repose", "cube")
    assert (contract.bins, contract.smoothing, contract.control_period) == (0, 1.0, 0.02)
    contract.check()


def test_the_four_that_compare_differ_in_observation_and_reward_alone() -> None:
    assert set(PLANAR) <= set(NAMES)
    found = {name: presets.read_preset(name) for name in PLANAR}
    stripped = set()
    for name, config in found.items():
        environment = config.stages[0].environment
        seen, paid = name.split("-")[1:]
        assert ("object_keypoints" in environment.policy_terms) == (seen == "kp")
        assert ("object_pose" in environment.policy_terms) == (seen == "pq")
        assert set(environment.policy_terms) < set(environment.value_terms)
        assert ("keypoints" in environment.reward) == (paid == "kp")
        assert ("rotation" in environment.reward) == (paid == "pq")
        bare = replace(environment, policy_terms=(), value_terms=(), reward={})
        stripped.add(str(replace(config, stages=(replace(config.stages[0], environment=bare),))))
    assert len(stripped) == 1


def test_the_page_judges_those_that_compare_by_the_rules_that_they_were_trained_under() -> None:
    """Protects the comparison: under the task's own rules nearly all goals are out of a beginner's reach."""
    told = re.search(r'--policy runs/trifinger-kp-kp [^"]*--rules "([^"]*)"', PAGE.read_text())
    assert told is not None
    config = presets.read_preset("trifinger-kp-kp")
    rules = evaluation.trial_rules(train.contract(config, "trifinger-kp-kp"), told[1])
    assert rules == config.stages[0].environment.rules
    assert config.stages[0].environment.goal_angle_limit is None  # which an evaluation has not


def test_the_papers_preset_is_its_public_codes() -> None:
    config = presets.read_preset("trifinger-paper")
    ppo, first, second = config.stages[0].ppo, config.stages[0].environment, config.stages[1].environment
    assert (config.num_envs, config.policy.dense, config.value.dense) == (
        16384,
        (256, 256, 128, 128),
        (512, 512, 256, 128),
    )
    assert (config.policy.activation, config.value.activation) == ("elu", "elu")
    assert (ppo.gamma, ppo.lam, ppo.clip, ppo.value_rate, ppo.minibatch) == (0.99, 0.95, 0.2, 5e-4, 16384)
    assert (first.action_origin, config.deviation) == ("torque", 1.0)
    assert first.randomization == RANDOMIZATION
    assert first.reward == tasks.load("repose").reward
    assert (config.stages[0].until_steps, set(first.reward) - set(second.reward)) == (50_000_000, {"reach"})
    assert (first.rules.timeout, first.rules.difficulty) == (15.0, 4)


def test_the_teacher_of_postures_can_be_said_in_torques() -> None:
    """Protects trifinger-cpu-torques from a teacher that it refuses after hours of its training."""
    teacher = train.contract(presets.read_preset("trifinger-cpu"), "trifinger-cpu")
    seen = tuple(name for name, _ in teacher.observation)
    student = presets.read_preset("trifinger-cpu-torques")
    assert student.teacher == "models/cube-teacher"
    assert all(stage.environment.value_terms == seen for stage in student.stages)
    assert (teacher.action_origin, train.contract(student, "student").action_origin) == ("middle", "torque")
    assert "joint_angles" in seen
    assert "smoothed_action" not in seen


def test_all_randomizations_are_the_papers_own() -> None:
    """A tracker of 10 Hz and 90 ms, and nothing of the first paper's hand."""
    own = of_task(tasks.load("repose"))
    assert own is RANDOMIZATION
    effects, physics = own.unmodeled_effects, own.physics
    assert effects is not None
    assert physics is not None
    assert (effects.pose_period, effects.pose_delay) == (0.1, 0.09)
    assert (effects.delay_probability, effects.joint_offset, effects.force_acceleration) == (0.0, 0.0, 0.0)
    assert (physics.object_dimensions, physics.masses, physics.friction) == ((0.97, 1.03), (0.7, 1.3), (0.7, 1.3))
    assert (physics.joint_limits, physics.gravity) == (0.01, 0.4)
    robot, noise = robots.load("trifinger"), own.observation_noise
    assert robot.gravity_compensation == 0.0
    assert noise is not None
    assert noise.joint_uncorrelated == pytest.approx(0.002 * np.ptp(robot.joint_limits, axis=1).mean() / 2, abs=1e-4)
