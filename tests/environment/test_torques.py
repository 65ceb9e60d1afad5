"""An environment of a robot that takes torques: what reaches its motors, with postures as actions too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.environment import Environment
from dactyl.errors import DactylError
from dactyl.robot import control
from dactyl.robot.robot import Robot
from dactyl.simulation.scene import SceneConfig
from dactyl.tasks.repose.rules import ReposeRules
from tests.environment.small import make

ARM = SceneConfig(robot="arm")
ACTIONS = torch.tensor([[0.5, -0.25], [1.0, 0.0], [-1.0, -0.1]])


def same(a: Any, b: Any) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a) and a.keys() == b.keys()


def test_actions_are_shares_of_the_largest_torque(arm: Robot) -> None:
    env = make(3, "none", scene=ARM)
    assert (env.config.action_origin, env.num_bins, env.config.smoothing) == ("torque", 0, 1.0)
    env.step(ACTIONS)
    torch.testing.assert_close(env.physics.state.targets[:3].float(), 0.8 * ACTIONS)


def test_a_scale_is_a_share_of_the_largest_torque(arm: Robot) -> None:
    env = make(3, "none", scene=ARM, action_scale=0.5)
    env.step(ACTIONS)
    torch.testing.assert_close(env.physics.state.targets[:3].float(), 0.4 * ACTIONS)


def test_episodes_begin_without_a_torque(arm: Robot) -> None:
    """What smoothing starts from, and what an actuator is sent before the first action."""
    env = make(3, "all", scene=ARM)
    assert not env._smoothed.any()
    assert not env._home.targets.any()


@pytest.mark.parametrize("randomizations", ["none", "all"])
def test_actions_may_be_postures(arm: Robot, randomizations: str) -> None:
    """The motors follow them in every physics step; the arm hangs a little below them."""
    env = make(2, randomizations, scene=ARM, action_origin="middle", start_steps=1)
    wanted = torch.tensor([[0.3, 0.2], [-0.3, 0.1]])
    for _ in range(150):
        env.step(wanted)
    angles = env.physics.state.qpos[:2, :2].float()
    target = control.target(angles, wanted, torch.as_tensor(arm.actuator_limits).float(), "middle")
    assert (angles - target).abs().max() < (0.25 if randomizations == "none" else 0.6)


def test_under_all_randomizations_torques_stay_within_their_limit(arm: Robot) -> None:
    env = make(4, "all", scene=ARM)
    generator = torch.Generator().manual_seed(0)
    for _ in range(30):
        step = env.step(2.0 * torch.rand(4, 2, generator=generator) - 1.0)
        targets = env.physics.state.targets
        assert torch.isfinite(targets).all()
        assert targets.abs().max() <= 0.8 + 1e-6
        assert all(torch.isfinite(seen).all() for seen in step.observations.values())


def test_noise_is_on_torques_and_backlash_is_not(arm: Robot) -> None:
    """A motor at its joint has no tendons: reversals lose nothing."""
    env = make(200, "-physics,-observation_noise", scene=ARM)
    assert env._actuation is not None
    env._actuation.delayed[:] = False
    for sign in (1.0, -1.0):
        env.step(torch.full((200, 2), 0.5 * sign))
        assert (sign * env.physics.state.targets[:200]).mean().item() == pytest.approx(0.4, abs=0.05)
    assert env.physics.state.targets[:200].std() > 0.02


def test_a_robot_of_positions_refuses_torques() -> None:
    with pytest.raises(DactylError, match="actions of the robot shadow are counted from current or middle"):
        EnvironmentConfig(action_origin="torque")


def test_how_far_actions_ask_to_move_is_told_in_torques(arm: Robot) -> None:
    env = make(3, "none", scene=ARM)
    before = env._smoothed[:3].clone()
    motion = env.step(ACTIONS).info["motion"]
    torch.testing.assert_close(motion.float(), 0.8 * (ACTIONS - before))


def test_an_environment_goes_on_bit_for_bit_with_what_reward_terms_remember(arm: Robot) -> None:
    """Protects a resumed training: signals before the step, the tracker's old poses and its clock are saved."""

    def fresh() -> Environment:
        scene = SceneConfig(robot="arm", object="cube")
        config = EnvironmentConfig(task="repose", scene=scene, reset_pool=0.5, scripted_starts=0.5)
        return Environment(config, 3, seed=4, threads=1)

    one, generator = fresh(), torch.Generator().manual_seed(0)
    one.reset()
    actions = 2.0 * torch.rand(20, 3, 2, generator=generator) - 1.0
    for action in actions[:7]:
        one.step(action)
    saved = one.state_dict()
    assert {"before.fingertips", "before.object_position", "held_pose.past", "held_pose.wait"} <= saved.keys()
    other = fresh()
    other.reset()
    other.load_state_dict(saved)
    for action in actions[7:]:
        ours, theirs = one.step(action), other.step(action)
        assert same(ours.observations, theirs.observations)
        assert torch.equal(ours.reward, theirs.reward)
    assert same(one.state_dict(), other.state_dict())


def test_what_is_remembered_is_of_before_the_step(arm: Robot) -> None:
    scene = SceneConfig(robot="arm", object="cube")
    env = make(3, "none", scene=scene, task="repose", start_steps=0)
    before = env._signals(env._acting_part(env._frame.measure()))
    seen: dict[str, torch.Tensor] = {}
    rewards = {"look": lambda t: seen.update(t.before) or torch.zeros(3)}
    env.task = replace(env.task, rewards=rewards)
    env.config.reward.clear()
    env.config.reward["look"] = 1.0
    env.step(ACTIONS)
    assert set(seen) == {"fingertips", "object_position"}
    for name, values in seen.items():
        np.testing.assert_array_equal(values, before[name])


def test_several_errors_are_told_apart(arm: Robot) -> None:
    """Protects the log from a mean of metres and radians."""
    env = make(3, "none", scene=SceneConfig(robot="arm", object="cube"), task="repose", start_steps=0)
    info = env.step(ACTIONS).info
    assert torch.equal(torch.stack([info["distance"], info["angle"]], -1), info["errors"])
    assert "angle" not in make(2, "none").step(torch.full((2, 20), 5)).info


def test_a_success_at_the_end_is_worth_what_more_of_the_same_goal_would_be(arm: Robot) -> None:
    """Protects learning from a punishment: with another goal in sight an end on target would promise less than one
    beside it."""
    rules = ReposeRules(difficulty=1, timeout=0.1, position_tolerance=10.0)
    env = make(
        3, "none", scene=SceneConfig(robot="arm", object="cube"), task="repose", start_steps=0, rules=rules,
        value_terms=("goal_pose",),
    )  # fmt: skip
    goals = env._goal.clone()
    for _ in range(5):
        step = env.step(torch.zeros(3, 2))
    assert step.info["reached"].all()
    assert step.truncated.all()
    torch.testing.assert_close(step.final_value_observations[:, :3], goals[:, :3])
    assert (step.observations["value"][:, :2] != goals[:, :2]).any(), "the next episode has a goal of its own"
