"""Tasks as data: terms by name, what they need, and that every task there is fits together."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from dactyl import objects
from dactyl.environment import task as tasks
from dactyl.environment.randomization.random import Random
from dactyl.environment.task import Task, Term, fixed
from dactyl.errors import DactylError
from dactyl.maths.random import NumpyDraws
from dactyl.robot import robot as robots
from dactyl.tasks.repose.rules import ReposeRules

SIGNALS = {
    "fingertips", "object_position", "object_orientation", "goal", "joint_angles", "joint_velocities",
    "object_velocity", "object_turn", "smoothed_action", "physics_factors", "effects", "successes",
}  # fmt: skip
SHADOW, BLOCK = robots.load("shadow"), objects.load("block")


@pytest.fixture
def task() -> Task:
    """Two terms of its own."""
    return replace(
        tasks.load("reorient"),
        observations={
            "sum": Term(lambda signals, _: signals["a"] + signals["b"], fixed(2), ("a", "b")),
            "size": Term(lambda signals, shape: 0.0 * signals["a"][..., :1] + shape.half_size, fixed(1), ("a",)),
            "joints": Term(lambda signals, _: signals["joints"], lambda robot: (len(robot.joints),), ("joints",)),
        },
        rewards={"joy": lambda transition: transition.errors[:, 0]},
    )


def test_a_term_is_found_by_its_name(task: Task) -> None:
    assert task.term("sum").needs == ("a", "b")
    with pytest.raises(DactylError, match="unknown observation 'touch': choose from sum, size, joints"):
        task.term("touch")


def test_a_task_has_its_rules_with_changes() -> None:
    """Protects evaluation, graph and farm, which all read rules here."""
    repose = tasks.load("repose")
    assert repose.rules_with("") is repose.rules
    changed = repose.rules_with("{difficulty: 1, planar: true, timeout: 3}")
    assert changed == ReposeRules(difficulty=1, planar=True, timeout=3.0)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ("{timeout: 10", "are not YAML"),
        ("[1]", "rules: expected a mapping"),
        ("{1: 2}", "unknown key rules.1"),
        ("{kindness: 3}", "unknown key rules.kindness"),
        ("{timeout: -1.0}", "timeout -1.0 s must be > 0"),
        ("{timeout: .nan}", "expected float, not nan"),
        ("{max_successes: .inf}", "are not YAML"),
        ("{timeout: !!int ''}", "are not YAML"),
        ("{timeout: !!timestamp soon}", "are not YAML"),
        pytest.param(f"{{timeout: {10**400}}}", "are not YAML", id="huge"),
        pytest.param("[" * 5000, "are not YAML", id="deep"),
    ],
)
def test_what_are_no_rules_is_refused(changes: str, says: str) -> None:
    """Protects a farm's server from whatever a client writes, and people from a traceback."""
    with pytest.raises(DactylError, match=says):
        tasks.load("reorient").rules_with(changes)


def test_needs_are_those_of_all_terms(task: Task) -> None:
    """Protects from computing, or waiting for, a signal that nobody looks at."""
    assert task.needs(()) == frozenset()
    assert task.needs(("size",)) == {"a"}
    assert task.needs(("joints", "sum")) == {"joints", "a", "b"}
    with pytest.raises(DactylError, match="unknown observation 'touch'"):
        task.needs(("sum", "touch"))


def test_sizes_add_up_for_the_robot(task: Task) -> None:
    assert task.size((), SHADOW) == 0
    assert task.size(("sum", "joints"), SHADOW) == 2 + 24
    assert task.size(("joints",), replace(SHADOW, name="other")) == 24


@pytest.mark.parametrize("array", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
@pytest.mark.parametrize("batch", [(), (3,), (2, 3)], ids=str)
def test_observations_are_terms_side_by_side_over_any_leading_dimensions(task: Task, array, batch) -> None:
    a, b = np.random.default_rng(0).normal(size=(2, *batch, 2))
    seen = task.observe({"a": array(a), "b": array(b)}, ("size", "sum"), BLOCK)
    assert type(seen) is type(array(a))
    expected = np.concatenate([np.full((*batch, 1), BLOCK.half_size), a + b], axis=-1)
    np.testing.assert_array_equal(np.asarray(seen), expected)
    with pytest.raises(DactylError, match="unknown observation 'touch'"):
        task.observe({"a": array(a)}, ("touch",), BLOCK)


def test_unknown_reward_terms_are_refused(task: Task) -> None:
    task.check_reward({"joy": 2.0})
    task.check_reward({})
    with pytest.raises(DactylError, match="unknown reward term 'progress': choose from joy"):
        task.check_reward({"joy": 1.0, "progress": 1.0})


@pytest.mark.parametrize("name", tasks.names())
def test_every_task_fits_together(name: str) -> None:
    """Protects what environment and nodes take from a task without looking, for each robot there is."""
    task = tasks.load(name)
    assert task.name == name
    assert all(objects.load(kind) for kind in task.objects)
    assert type(task.rules) is type(task.training_rules)
    assert len(task.rules.tolerances) == len(task.error_names)
    task.check_reward(task.reward)
    for term in (*task.policy_terms, *task.value_terms):
        assert set(task.term(term).needs) <= SIGNALS
    assert task.needs(task.policy_terms) <= SIGNALS - {"physics_factors", "effects"}
    for robot in map(robots.load, robots.names()):
        assert task.size(task.policy_terms, robot) > 0
        _check_functions(task, robot)


def _check_functions(task: Task, robot: robots.Robot) -> None:
    rest = np.array([*robot.workspace.rest, 1.0, 0.0, 0.0, 0.0])
    for draws in (NumpyDraws(np.random.default_rng(0)), Random(0, torch.device("cpu"))):
        array = np.asarray if isinstance(draws, NumpyDraws) else torch.as_tensor
        poses = task.place(draws, 3, array(rest))
        assert poses.shape == (3, 7)
        signals = {"object_position": poses[:, :3], "object_orientation": poses[:, 3:]}
        if robot.name == task.robot:  # others may have less room
            assert not np.asarray(task.lost(poses[:, :3], robot, array(np.array([0.0, 0.0, 1.0])))).any()
        goals = task.draw_goal(draws, 3, signals, None)
        assert len(goals) == 3
        assert task.errors(goals, signals).shape == (3, len(task.error_names))
    goal = task.draw_goal(NumpyDraws(np.random.default_rng(0)), 1, {}, None)[0]
    position, orientation = task.goal_pose(goal, robot)
    assert (np.shape(position), np.shape(orientation)) == ((3,), (4,))
    np.testing.assert_allclose(task.goal_of_pose(position, orientation), goal)


def test_an_unknown_task_is_refused_with_those_there_are() -> None:
    with pytest.raises(DactylError, match=r"there is no task 'juggle'; there are: .*reorient"):
        tasks.load("juggle")


def test_a_task_loads_neither_simulator_nor_network_nor_ros() -> None:
    """Protects the start of the trial node and of `--help`: MuJoCo and torch take seconds."""
    script = (
        "import sys; from dactyl.environment import task; [task.load(name) for name in task.names()];"
        "print([m for m in ('torch', 'mujoco', 'rclpy') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
