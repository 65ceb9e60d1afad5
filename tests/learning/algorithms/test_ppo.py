"""The PPO update: its loss by hand, its minibatches, its guards, and tasks it must solve."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from dactyl.errors import DactylError
from dactyl.learning.algorithms import ppo
from dactyl.learning.algorithms.ppo import PPO, PPOConfig
from dactyl.learning.collector import Collector
from dactyl.learning.models.recurrent import Architecture, Network
from dactyl.learning.models.value import Value
from tests.learning.toys import Bandit, Memory, Steady, SteadyCut, Toy, ToyStep

LSTM, FEED_FORWARD = Architecture((32,), 16), Architecture((32,), 0)
CONFIG = PPOConfig(gamma=0.9, learning_rate=3e-3, sequence=8, minibatch=512, minibatches=8, kl_limit=0.5)


class Training:
    def __init__(
        self,
        toy: Toy,
        architecture: Architecture,
        config: PPOConfig = CONFIG,
        horizon: int = 16,
        teacher: Network | None = None,
    ) -> None:
        torch.manual_seed(0)
        generator = torch.Generator().manual_seed(0)
        policy, value = Network(3, 220, architecture, 0.01), Value(3, architecture)
        self.collector = Collector(toy, policy, value, horizon, config.sequence, generator)
        self.ppo = PPO(policy, value, config, generator, teacher=teacher)

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


def test_every_sequence_is_used_once_before_any_is_used_again() -> None:
    training = Training(Bandit(64), FEED_FORWARD, PPOConfig(sequence=8, minibatch=256, minibatches=8), horizon=16)
    rollout = training.collector.collect()
    used = [(t * 64 + world).tolist() for t, world in training.ppo._minibatches(rollout)]
    assert [len(batch) for batch in used] == [32] * 8
    for epoch in (used[:4], used[4:]):
        assert sorted(i for batch in epoch for i in batch) == list(range(128))
    assert used[0] != used[4]


def test_a_sequence_holds_consecutive_steps_of_one_world() -> None:
    training = Training(Bandit(3), FEED_FORWARD, PPOConfig(sequence=4, minibatch=12, minibatches=1), horizon=8)
    x = torch.arange(8).unsqueeze(-1) * 100 + torch.arange(3)  # 100 t + world
    chosen = training.ppo._sequences(x, (torch.tensor([1, 0]), torch.tensor([2, 1])))
    assert chosen.T.tolist() == [[402, 502, 602, 702], [1, 101, 201, 301]]


class Whispered(Memory):
    """The cue is always there for who sees what the value network sees."""

    def _observe(self) -> dict[str, torch.Tensor]:
        return {"policy": self.seen(), "value": Toy.seen(self)}


def test_a_memory_learns_to_imitate_a_teacher_who_sees_more() -> None:
    """Protects distillation: the student must remember the cue to have the teacher's probabilities."""
    divergences = {}
    for architecture in (LSTM, FEED_FORWARD):
        toy, teacher = Whispered(64), Network(3, 220, Architecture((), 0))
        with torch.no_grad():
            teacher.normalizer.update(toy.reset()["value"])
            teacher.head.weight.zero_()
            teacher.head.weight[:, 2] = torch.linspace(-1.0, 1.0, 220)  # the cue decides
        training = Training(toy, architecture, dataclasses.replace(CONFIG, imitation=1.0), teacher=teacher)
        divergences[architecture] = [training.iterate()["imitation_kl"] for _ in range(40)]
    first, last = divergences[LSTM][0], divergences[LSTM][-1]
    assert last < 0.02 * first
    assert divergences[FEED_FORWARD][-1] > 0.2 * divergences[FEED_FORWARD][0]


def test_imitation_needs_a_teacher() -> None:
    with pytest.raises(DactylError, match=r"imitation 0\.5 needs a teacher"):
        Training(Bandit(4), FEED_FORWARD, dataclasses.replace(CONFIG, imitation=0.5))
    with pytest.raises(DactylError, match="between 0 and 1"):
        PPOConfig(imitation=1.5)


def test_the_first_gradient_step_finds_the_policy_that_collected() -> None:
    training = Training(Memory(32), LSTM, PPOConfig(sequence=8, minibatch=512, minibatches=1), horizon=16)
    for _ in range(3):
        assert training.iterate()["kl"] < 1e-6


def test_a_policy_that_moved_too_far_rests_but_the_value_network_goes_on() -> None:
    config = PPOConfig(learning_rate=0.1, sequence=8, minibatch=256, minibatches=8, kl_limit=1e-3)
    training = Training(Bandit(32), FEED_FORWARD, config)
    figures = training.iterate()
    assert 1 <= figures["policy_steps"] < 8
    steps = {s["step"].item() for s in training.ppo.value_optimizer.state.values()}
    assert steps == {8}


def test_learning_rate_follows_the_kl_target() -> None:
    for target, faster in ((1e-9, False), (1.0, True)):
        config = PPOConfig(sequence=8, minibatch=256, minibatches=4, kl_target=target)
        training = Training(Bandit(32), FEED_FORWARD, config)
        for _ in range(2):
            rate = training.iterate()["learning_rate"]
        assert (rate > config.learning_rate) is faster


def test_an_adapted_learning_rate_lasts_until_the_configuration_has_another() -> None:
    config = PPOConfig(sequence=8, minibatch=256, minibatches=4, kl_target=1.0)
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


@pytest.mark.parametrize(("toy", "worth"), [(SteadyCut, 10.0), (Steady, (1 + 1.9 + 2.71 + 3.439) / 4)])
def test_truncation_is_worth_the_future_and_termination_nothing(toy: type[Toy], worth: float) -> None:
    """Reward 1 per step, gamma 0.9: a world that is only cut is worth 1 / (1 - gamma). One that ends after four steps
    is worth 3.439 … 1, which a network without memory sees as their mean."""
    config = PPOConfig(gamma=0.9, learning_rate=1e-2, sequence=8, minibatch=512, minibatches=8)
    training = Training(toy(64), FEED_FORWARD, config)
    for _ in range(60):
        training.iterate()
    assert training.collector.rollout.values.mean().item() == pytest.approx(worth, rel=0.1)


def test_bfloat16_learns_too_and_leaves_the_simulation_alone() -> None:
    training = Training(Bandit(64), FEED_FORWARD, dataclasses.replace(CONFIG, bf16=True))
    training.collector.bf16 = True
    step = training.collector.environment.step

    def in_full_precision(bins: torch.Tensor) -> ToyStep:
        assert not torch.is_autocast_enabled("cpu")
        return step(bins)

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
        ({"minibatch": 25}, "multiple of sequence"),
        ({"entropy": -1.0}, "entropy"),
    ],
)
def test_bad_hyperparameters_are_named(changes: dict[str, float], message: str) -> None:
    with pytest.raises(DactylError, match=message):
        PPOConfig(**changes)
