"""GR1's environments: an episode of each task under Table IV, starts in grasps, lags that do not break a state."""

from __future__ import annotations

import pytest
import torch

from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.environment import Environment
from dactyl.environment.randomization import select
from dactyl.robots.gr1 import grasps
from dactyl.simulation.scene import Scene, SceneConfig

CASES = {"grasp_and_reach": ("gr1_right", "cylinder"), "box_lift": ("gr1", "carton"), "handover": ("gr1", "bar")}


@pytest.fixture(autouse=True)
def few_scripts(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the package is installed: else these are skipped."""
    monkeypatch.setattr(grasps, "SCRIPTS", 4)


def environment(task: str, num_envs: int = 4, **changes: object) -> Environment:
    robot, kind = CASES[task]
    config = EnvironmentConfig(task=task, scene=SceneConfig(robot=robot, object=kind), reset_pool=0.0, **changes)  # type: ignore[arg-type]
    made = Environment(config, num_envs, threads=1)
    made.reset()
    return made


@pytest.mark.parametrize("task", CASES)
def test_an_episode_of_random_actions_under_table_iv(task: str) -> None:
    """Finite throughout; objects may be swept off the table, and time is up where they are not."""
    env = environment(task, action_scale=0.15)
    joints, tips = len(env.robot.joints), len(env.robot.fingertips)
    policy = joints + 3 + 4
    assert env.observation_shapes == {"policy": (policy,), "value": (policy + joints + 3 * tips + 4 + 3 + 4 + 3,)}
    ended = torch.zeros(4, dtype=torch.bool)
    for _ in range(round(env.rules.timeout / 0.2)):
        outcome = env.step(env.random_actions(4))
        assert all(torch.isfinite(seen).all() for seen in outcome.observations.values())
        assert torch.isfinite(outcome.reward).all()
        ended |= outcome.terminated | outcome.truncated
    assert ended.all()
    assert env.physics.faults()["unstable"] == 0


def test_half_of_the_episodes_begin_along_a_grasp() -> None:
    env = environment("grasp_and_reach", 64, scripted_starts=0.5)
    away = env.physics.state.qpos[:64, env.scene.joints] - torch.as_tensor(env.scene.model.qpos0[env.scene.joints])
    moved = (away.abs() > 1e-6).any(-1)
    assert 10 <= int(moved.sum()) <= 54


def test_a_saved_state_goes_on_exactly_with_lags_and_all() -> None:
    env = environment("grasp_and_reach")
    for _ in range(3):
        env.step(env.random_actions(4))
    state, actions = env.state_dict(), torch.zeros(4, env.num_actuators)
    before = [env.step(actions).observations["policy"].clone() for _ in range(3)]
    env.load_state_dict(state)
    after = [env.step(actions).observations["policy"].clone() for _ in range(3)]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_hand_over_changes_hands_when_its_first_goal_is_reached() -> None:
    """Equation 4's stages, through the environment: an object that flies by where it is to be moves the goal on."""
    env = environment("handover", randomization=select("none"))
    first, fallen = env.state_dict()["goal"].clone(), 0.5 * 9.81 * 0.2**2
    place = torch.as_tensor(env.scene.hand_position) + first[:, :3].double()
    env.physics.state.qpos[:, env.scene.object_position] = place + torch.tensor([0.0, 0.0, fallen])
    env.physics.state.qvel[:, env.scene.object_position] = 0.0
    outcome = env.step(torch.zeros(4, env.num_actuators))
    assert outcome.info["reached"].all()
    assert torch.equal(env.state_dict()["goal"][:, 3], -first[:, 3])
    assert (outcome.reward > 5.0).all(), "the bonus of the first stage"


def test_the_eye_on_the_head_sees_the_object() -> None:
    env = environment("grasp_and_reach", images=("depth_small",))
    assert env.observation_shapes["depth_small"] == (1, 36, 48)
    image = env.step(torch.zeros(4, env.num_actuators)).observations["depth_small"]
    assert image.shape == (4, 1, 36, 48)
    seen = (image > 0.0).flatten(1).sum(1)
    assert (seen > 5).all()
    assert 0.3 < float(image[image > 0.0].mean()) < 0.9
