"""The PPO update: its loss by hand, its guards, and tasks it must solve."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest
import torch

from dactyl.errors import DactylError
from dactyl.learning import actions
from dactyl.learning.algorithms import ppo
from dactyl.learning.algorithms.ppo import PPO, PPOConfig
from dactyl.learning.collector import CollectionConfig, Collector
from dactyl.learning.models.actor_critic import ActorCritic
from dactyl.learning.models.recurrent import Architecture, Network
from dactyl.learning.models.value import Value
from tests.learning.toys import Bandit, Memory, Picture, Steady, SteadyCut, Target, Toy, ToyStep

LSTM, FEED_FORWARD = Architecture((32,), 16), Architecture((32,), 0)
CONFIG = PPOConfig(gamma=0.9, learning_rate=3e-3, minibatch=512, minibatches=8, kl_limit=0.5)
COLLECTION = CollectionConfig(horizon=16, sequence=8)


class Training:
    """A toy, networks for it, and what improves them."""

    def __init__(
        self,
        toy: Toy,
        architecture: Architecture,
        config: PPOConfig = CONFIG,
        collection: CollectionConfig = COLLECTION,
        make: Callable[..., PPO] = PPO,
    ) -> None:
        torch.manual_seed(0)
        generator = torch.Generator(toy.device).manual_seed(0)
        kind = actions.choose(toy.num_actuators, toy.num_bins)
        policy = Network("policy", 3, kind.outputs, architecture, head_gain=0.01, constants=kind.constants)
        value = Value(3, Architecture(architecture.dense, architecture.lstm))
        networks = ActorCritic(policy.to(toy.device), value.to(toy.device), kind, collection.bf16)
        self.collector = Collector(toy, networks, collection, generator)
        self.ppo = make(networks, config, generator)

    def iterate(self) -> dict[str, float]:
        figures = self.ppo.update(self.collector.collect())
        return {**figures, **self.collector.statistics.means()}


def test_policy_loss_by_hand() -> None:
    ratio = torch.tensor([1.0, 1.5, 1.5, 0.5, 0.5])
    advantage = torch.tensor([2.0, 1.0, -1.0, 1.0, -1.0])
    loss = ppo.policy_loss(ratio.log(), torch.zeros(5), advantage, 0.2)
    # unmoved: 2; gain beyond the clip is not paid: 1.2; a loss is paid in full: -1.5; 0.5; not below 0.8: -0.8
    torch.testing.assert_close(loss, torch.tensor(-(2.0 + 1.2 - 1.5 + 0.5 - 0.8) / 5))


def test_gradient_vanishes_only_beyond_the_clip() -> None:
    log_probs = torch.log(torch.tensor([1.5, 0.5, 1.1])).requires_grad_()
    ppo.policy_loss(log_probs, torch.zeros(3), torch.tensor([1.0, -1.0, 1.0]), 0.2).backward()
    assert log_probs.grad.tolist() == pytest.approx([0.0, 0.0, -1.1 / 3])


def test_kl_estimate_is_the_divergence_on_average() -> None:
    old, new = torch.tensor([0.5, 0.5]), torch.tensor([0.4, 0.6])
    bins = torch.arange(10_000) % 2  # exactly the old policy's frequencies
    estimate = ppo.kl_estimate(new.log()[bins], old.log()[bins])
    torch.testing.assert_close(estimate, (old * (old / new).log()).sum())


def test_the_first_gradient_step_finds_the_policy_that_collected() -> None:
    training = Training(Memory(32), LSTM, PPOConfig(minibatch=512, minibatches=1))
    for _ in range(3):
        assert training.iterate()["kl"] < 1e-6


def test_a_policy_that_moved_too_far_rests_but_the_value_network_goes_on() -> None:
    config = PPOConfig(learning_rate=0.1, minibatch=256, minibatches=8, kl_limit=1e-3)
    training = Training(Bandit(32), FEED_FORWARD, config)
    figures = training.iterate()
    assert 1 <= figures["policy_steps"] < 8
    steps = {s["step"].item() for s in training.ppo.value_optimizer.state.values()}
    assert steps == {8}


def test_without_limits_every_step_is_made_whole() -> None:
    """The paper's preset: no rest after a long way, no gradient cut short."""
    config = PPOConfig(learning_rate=0.1, minibatch=256, minibatches=8, kl_limit=None, max_grad_norm=None)
    training = Training(Bandit(32), FEED_FORWARD, config)
    figures = training.iterate()
    assert figures["policy_steps"] == 8
    parameter = next(training.ppo.policy.parameters())
    training.ppo.policy_optimizer.zero_grad()
    (1e6 * parameter.square().sum()).backward()
    expected = 2e6 * parameter.detach().clone()
    training.ppo._descend(training.ppo.policy_optimizer)
    torch.testing.assert_close(parameter.grad, expected)


def test_learning_rate_follows_the_kl_target() -> None:
    for target, faster in ((1e-9, False), (1.0, True)):
        config = PPOConfig(minibatch=256, minibatches=4, kl_target=target)
        training = Training(Bandit(32), FEED_FORWARD, config)
        for _ in range(2):
            rate = training.iterate()["learning_rate"]
        assert (rate > config.learning_rate) is faster


def test_an_adapted_learning_rate_lasts_until_the_configuration_has_another() -> None:
    config = PPOConfig(minibatch=256, minibatches=4, kl_target=1.0)
    adapting = Training(Bandit(32), FEED_FORWARD, config)
    adapted = adapting.iterate()["learning_rate"]
    assert adapted > config.learning_rate
    for changes, expected in (({}, adapted), ({"learning_rate": 5e-4}, 5e-4), ({"kl_target": None}, 3e-4)):
        training = Training(Bandit(32), FEED_FORWARD, dataclasses.replace(config, **changes))
        training.ppo.load_state_dict(adapting.ppo.state_dict())
        assert training.ppo.policy_optimizer.param_groups[0]["lr"] == expected


def test_bandit_is_solved() -> None:
    training = Training(Bandit(64), FEED_FORWARD)
    for _ in range(25):
        figures = training.iterate()
    assert figures["reward"] > 0.9


@pytest.mark.parametrize(("architecture", "solves"), [(LSTM, True), (FEED_FORWARD, False)])
def test_a_task_that_needs_memory(architecture: Architecture, solves: bool) -> None:
    training = Training(Memory(64), architecture)
    for _ in range(40):
        figures = training.iterate()
    score = figures["reward"] * Memory.length  # -1 … 1 per episode, guessing gives 0
    assert score > 0.9 if solves else abs(score) < 0.4


def test_numbers_as_actions_are_learned() -> None:
    """Protects robots that are not told bins: normally distributed actions find what pays, and grow certain of it."""
    training = Training(Target(64), FEED_FORWARD)
    first = training.iterate()
    for _ in range(40):
        last = training.iterate()
    assert first["reward"] < -0.5
    assert last["reward"] > -0.15
    assert last["entropy"] < first["entropy"]


def test_what_only_a_picture_shows_is_learned() -> None:
    """Protects observation groups with shapes: without the picture nothing tells which action pays."""
    seeing = Architecture((32,), 0, {"camera": Picture.shape}, (4, 8))
    rewards = {}
    for architecture in (seeing, FEED_FORWARD):
        training = Training(Picture(64), architecture)
        for _ in range(25):
            rewards[architecture] = training.iterate()["reward"]
    assert rewards[seeing] > 0.9
    assert rewards[FEED_FORWARD] < 0.65


@pytest.mark.parametrize(("toy", "worth"), [(SteadyCut, 10.0), (Steady, (1 + 1.9 + 2.71 + 3.439) / 4)])
def test_truncation_is_worth_the_future_and_termination_nothing(toy: type[Toy], worth: float) -> None:
    """Reward 1 per step, gamma 0.9: a world that is only cut is worth 1 / (1 - gamma). One that ends after four steps
    is worth 3.439 … 1, which a network without memory sees as their mean."""
    config = PPOConfig(gamma=0.9, learning_rate=1e-2, minibatch=512, minibatches=8)
    training = Training(toy(64), FEED_FORWARD, config)
    for _ in range(60):
        training.iterate()
    assert training.collector.rollout.values.mean().item() == pytest.approx(worth, rel=0.1)


def test_bfloat16_learns_too_and_leaves_the_simulation_alone() -> None:
    collection = dataclasses.replace(COLLECTION, bf16=True)
    training = Training(Bandit(64), FEED_FORWARD, collection=collection)
    step = training.collector.environment.step

    def in_full_precision(actions: torch.Tensor, cut: torch.Tensor | None = None) -> ToyStep:
        assert not torch.is_autocast_enabled("cpu")
        return step(actions, cut)

    training.collector.environment.step = in_full_precision
    for _ in range(25):
        figures = training.iterate()
    assert figures["reward"] > 0.8
    assert math.isfinite(figures["value_loss"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gamma": 1.5}, "gamma"),
        ({"clip": -0.1}, "clip"),
        ({"minibatches": 0}, "minibatches"),
        ({"entropy": -1.0}, "entropy"),
        ({"kl_limit": 0.0}, "kl_limit"),
        ({"max_grad_norm": -1.0}, "max_grad_norm"),
    ],
)
def test_bad_hyperparameters_are_named(changes: dict[str, float], message: str) -> None:
    with pytest.raises(DactylError, match=message):
        PPOConfig(**changes)


def test_the_value_network_may_have_a_rate_of_its_own() -> None:
    """And keeps it where the policy's follows the divergence, and over a checkpoint."""
    config = PPOConfig(minibatch=256, minibatches=4, learning_rate=1e-3, value_learning_rate=2e-3, kl_target=1.0)
    training = Training(Bandit(32), FEED_FORWARD, config)
    training.iterate()
    rates = [
        optimizer.param_groups[0]["lr"] for optimizer in (training.ppo.policy_optimizer, training.ppo.value_optimizer)
    ]
    assert rates[0] > 0.99e-3
    assert rates[1] == 2e-3
    again = Training(Bandit(32), FEED_FORWARD, config)
    again.ppo.load_state_dict(training.ppo.state_dict())
    assert again.ppo.value_optimizer.param_groups[0]["lr"] == 2e-3
    plain = Training(Bandit(32), FEED_FORWARD, PPOConfig(minibatch=256, minibatches=4, learning_rate=1e-3))
    assert plain.ppo.value_optimizer.param_groups[0]["lr"] == 1e-3
    for name in ("value_learning_rate", "bounds"):
        with pytest.raises(DactylError, match=f"ppo: {name}"):
            PPOConfig(**{name: -1.0})


def test_numbers_beyond_what_an_action_can_be_are_pulled_back() -> None:
    """Their gradient is of the bound alone where nothing else pays: it points inside."""
    kind = actions.Gaussian(2)
    outputs = torch.tensor([[[1.5, -0.5, 0.0, 0.0]]], requires_grad=True)
    beyond = kind.beyond(outputs)
    torch.testing.assert_close(beyond, torch.tensor([[0.25]]))
    beyond.sum().backward()
    assert outputs.grad is not None
    assert outputs.grad[0, 0].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert actions.Categorical(2, 3).beyond(torch.randn(4, 6)).tolist() == [0.0] * 4
