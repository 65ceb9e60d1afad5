"""Doing as was shown: actions become those shown, deviations are PPO's, the reward counts for the rest."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from dactyl.errors import DactylError
from dactyl.learning.actions import Categorical, Gaussian
from dactyl.learning.algorithms.demonstrated import Demonstrated
from dactyl.learning.algorithms.ppo import PPOConfig
from dactyl.learning.models.actor_critic import ActorCritic
from dactyl.learning.models.recurrent import Architecture, Network
from dactyl.learning.models.value import Value
from dactyl.learning.shown import Shown

FEED_FORWARD = Architecture((32,), 0)


def networks() -> ActorCritic:
    torch.manual_seed(0)
    actions = Gaussian(2)
    return ActorCritic(
        Network("policy", 3, actions.outputs, FEED_FORWARD, constants=actions.constants),
        Value(3, FEED_FORWARD),
        actions,
    )


def shown() -> Shown:
    seen = torch.randn(400, 3, generator=torch.Generator().manual_seed(1))
    return Shown(seen, torch.stack([0.5 * seen[:, 0], -0.3 * seen[:, 1]], -1).tanh())


def test_the_most_likely_actions_become_those_shown_and_deviations_stay() -> None:
    made = networks()
    generator = torch.Generator().manual_seed(0)
    algorithm = Demonstrated(made, PPOConfig(learning_rate=3e-3), generator, shown=shown(), weight=1.0)
    before = made.policy.constants.detach().clone()
    batch = SimpleNamespace(starts=torch.zeros(1, 128, dtype=torch.bool))
    for _ in range(300):
        algorithm.policy_optimizer.zero_grad()
        algorithm.off(batch, torch.empty(0)).backward()
        algorithm._descend(algorithm.policy_optimizer)
    told = shown()
    outputs = made.policy.sequence(
        {"policy": told.observation[None]}, made.policy.initial_state(400), torch.zeros(1, 400, dtype=torch.bool)
    )
    off = (made.actions.mode(outputs)[0] - told.action).abs()
    assert off.mean() < 0.03
    torch.testing.assert_close(made.policy.constants.detach(), before)


def test_how_far_is_said_in_deviations_and_only_of_numbers() -> None:
    gaussian = Gaussian(2)
    outputs = torch.zeros(1, 4)  # means 0, deviations the first ones, 0.5
    torch.testing.assert_close(gaussian.off(outputs, torch.tensor([[0.5, 1.0]])), torch.tensor([0.5 + 2.0]))
    with pytest.raises(DactylError, match="only actions that are numbers"):
        Categorical(2, 11).off(torch.zeros(1, 22), torch.zeros(1, 2))


@pytest.mark.parametrize("weight", [0.0, 1.5])
def test_a_weight_beyond_the_whole_is_refused(weight: float) -> None:
    with pytest.raises(DactylError, match="between 0 and 1"):
        Demonstrated(networks(), PPOConfig(), torch.Generator(), shown=shown(), weight=weight)
