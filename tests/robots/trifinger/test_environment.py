"""TriFinger's environment: what is seen, what reaches the motors, and episodes that begin in a grasp."""

from __future__ import annotations

import pytest
import torch

from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.environment import Environment
from dactyl.environment.randomization import select
from dactyl.robots.trifinger import grasps
from dactyl.simulation.scene import Scene, SceneConfig
from dactyl.tasks.repose.rules import ReposeRules

SCENE = SceneConfig(robot="trifinger", object="cube")


@pytest.fixture(autouse=True)
def few_scripts(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the package is installed: else these are skipped."""
    monkeypatch.setattr(grasps, "SCRIPTS", 3)


def environment(num_envs: int = 8, **changes: object) -> Environment:
    config = EnvironmentConfig(task="repose", scene=SCENE, **changes)  # type: ignore[arg-type]
    made = Environment(config, num_envs, threads=1)
    made.reset()
    return made


@pytest.mark.parametrize("origin", ["torque", "middle"])
def test_an_episode_of_random_actions_under_all_randomizations(origin: str) -> None:
    """Finite throughout, motors within their limit, and the end comes with the time."""
    env = environment(action_origin=origin, rules=ReposeRules(timeout=1.0))
    assert env.observation_shapes == {"policy": (75,), "value": (75 + 9 + 3 + 4,)}
    for step in range(1, 51):
        outcome = env.step(env.random_actions(8))
        assert all(torch.isfinite(seen).all() for seen in outcome.observations.values())
        assert torch.isfinite(outcome.reward).all()
        assert not outcome.terminated.any()
        assert bool(outcome.truncated.all()) == (step == 50)
        if origin == "torque":
            assert env.physics.state.targets.abs().max() <= 0.36 + 1e-6
    assert env.physics.faults() == {"unstable": 0, "overflow": 0}


def test_half_of_the_episodes_begin_with_the_cube_in_the_scripts_hands() -> None:
    env = environment(64, scripted_starts=0.5, reset_pool=0.0)
    heights = env.physics.state.qpos[:64, env.scene.object_position][:, 2]
    assert 5 <= int((heights > 0.04).sum()) <= 45
    assert (heights > 0.02).all()


def test_a_posture_of_the_home_angles_keeps_the_fingers_up() -> None:
    """The law of the motors carries them, in every physics step; without a torque they sink."""
    sunk = {}
    for origin in ("middle", "torque"):
        env = environment(4, action_origin=origin, randomization=select("none"), reset_pool=0.0)
        still = env._smoothed[:4].clone()
        before = env._frame.measure().sensed.fingertips[..., 2].mean()
        for _ in range(25):
            env.step(still)
        sunk[origin] = float(before - env._frame.measure().sensed.fingertips[..., 2].mean())
    assert abs(sunk["middle"]) < 0.03
    assert sunk["torque"] > sunk["middle"] + 0.02


def test_the_policy_sees_the_cube_late_and_the_value_network_at_once() -> None:
    """Protects the asymmetry: keypoints of the policy stand still for five steps, those of the value network do not."""
    env = environment(4, rules=ReposeRules(start_radius=0.0))
    env.physics.state.qpos[:, env.scene.object_position.stop - 1] = 0.2  # it falls between the fingers, for nine steps
    columns = slice(18, 18 + 24)
    rows = [env.step(torch.zeros(4, 9)).observations for _ in range(9)]
    truth = torch.stack([row["value"][:, columns] for row in rows])
    assert (truth[1:] != truth[:-1]).any(-1).all()
    policy = torch.stack([row["policy"][:, columns] for row in rows])
    assert (policy[1:] == policy[:-1]).all(-1).float().mean() > 0.6
