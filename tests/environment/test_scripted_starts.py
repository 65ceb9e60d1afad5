"""Episodes that begin in states of the robot's script, and episodes that begin where the object was placed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from dactyl import registry
from dactyl.environment import scripted_starts
from dactyl.environment.environment import Environment
from dactyl.errors import DactylError
from dactyl.robot.robot import Robot
from dactyl.simulation.scene import Scene, SceneConfig
from tests.environment.small import make

ARM = SceneConfig(robot="arm")


def scripted(env: Environment) -> torch.Tensor:
    """(N,) which environments are in a state of the toy's script: shoulder at 0.5 rad or more, turning."""
    return env.physics.state.qvel[: env.num_envs, 0] == 0.25


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.5, 70, 130), (1.0, 200, 200)])
def test_a_share_of_the_episodes_begin_in_the_script(arm: Robot, share: float, least: int, most: int) -> None:
    env = make(200, "none", scene=ARM, start_steps=0, scripted_starts=share)
    found = scripted(env)
    assert least <= int(found.sum()) <= most
    shoulders = env.physics.state.qpos[:200, 0]
    assert (shoulders[found] >= 0.5).all()
    assert (shoulders[~found] == 0.0).all()
    if share == 1.0:
        assert len(shoulders.unique()) == 10


def test_later_episodes_do_so_too(arm: Robot) -> None:
    """Without random actions nothing happens to a state between the script and the episode."""
    env = make(50, "none", scene=ARM, start_steps=0, scripted_starts=1.0, reset_pool=0.2)
    actions = torch.zeros(50, 2)
    for _ in range(3):
        env.step(actions)
    assert not scripted(env).any()
    env.step(actions, cut=torch.ones(50, dtype=torch.bool))
    assert scripted(env).all()


def test_the_same_seed_gives_the_same_starts(arm: Robot) -> None:
    one, two, other = (make(40, "all", scene=ARM, scripted_starts=0.5, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(one.physics.state.qpos, two.physics.state.qpos)
    assert not torch.equal(one.physics.state.qpos, other.physics.state.qpos)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (
            lambda scene: (np.zeros((0, scene.model.nq)), np.zeros((0, scene.model.nv))),
            "makes no states with the object",
        ),
        (lambda scene: (np.zeros((3, 4)), np.zeros((3, 4))), "makes states of another scene"),
        (lambda scene: (np.zeros((3, scene.model.nq)), np.zeros((2, scene.model.nv))), "makes states of another scene"),
        (
            lambda scene: (np.full((3, scene.model.nq), np.nan), np.zeros((3, scene.model.nv))),
            "makes states that are not finite",
        ),
    ],
)
def test_scripts_that_make_no_use_of_states_are_refused(
    arm: Robot, monkeypatch: pytest.MonkeyPatch, script: Callable[[Scene], Any], says: str
) -> None:
    """NaN from a script would be a lost object in every episode."""
    resolve = registry.resolve
    place = arm.scripted_starts
    monkeypatch.setattr(
        scripted_starts.registry,
        "resolve",
        lambda name: (lambda scene, seed: script(scene)) if name == place else resolve(name),
    )
    with pytest.raises(DactylError, match=f"the script of the robot arm {says}"):
        make(2, "none", scene=ARM, scripted_starts=0.5)


def test_a_placement_that_no_script_knows(arm: Robot) -> None:
    """Protects a training from being shown something else than was asked for."""
    with pytest.raises(DactylError, match="arm has no script for script_placement 'sides'; those it has: none"):
        make(2, "none", scene=ARM, scripted_starts=0.5, script_placement="sides")
