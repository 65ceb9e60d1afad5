"""Collecting: what is stored belongs together, states are cut at episode ends, nothing waits for the CPU."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from dactyl.errors import DactylError
from dactyl.learning.actions import Categorical
from dactyl.learning.collector import CollectionConfig, Collector
from dactyl.learning.models.actor_critic import ActorCritic
from dactyl.learning.models.recurrent import Architecture, Network
from dactyl.learning.models.value import Value
from tests.learning.toys import Memory, Steady, SteadyCut, Toy, ToyStep

LSTM, FEED_FORWARD = Architecture((16,), 8), Architecture((16,), 0)
ACTIONS = Categorical(20, 11)


def actor_critic(architecture: Architecture) -> ActorCritic:
    torch.manual_seed(0)
    return ActorCritic(Network("policy", 3, 220, architecture), Value(3, architecture), ACTIONS)


def collector(toy: Toy, architecture: Architecture = LSTM, horizon: int = 10, sequence: int = 5) -> Collector:
    config = CollectionConfig(horizon, sequence)
    return Collector(toy, actor_critic(architecture), config, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("architecture", [LSTM, FEED_FORWARD])
def test_training_on_stored_sequences_sees_the_probabilities_and_values_of_acting(architecture: Architecture) -> None:
    c = collector(Memory(16), architecture)
    c.collect()
    rollout = c.collect()  # begins in the middle of episodes: 10 is no multiple of 4
    assert rollout.starts.any(0).all()
    assert not rollout.starts[0].any()
    for i, start in enumerate((0, 5)):
        part = slice(start, start + 5)
        seen = {name: observed[part] for name, observed in rollout.observations.items()}
        logits = c.networks.policy.sequence(seen, rollout.policy_states[i], rollout.starts[part])
        log_probs = ACTIONS.log_prob(logits, rollout.actions[part])
        torch.testing.assert_close(log_probs, rollout.log_probs[part])
        values = c.networks.value.network.sequence(seen, rollout.value_states[i], rollout.starts[part])
        torch.testing.assert_close(values.squeeze(-1), rollout.values[part])


def test_truncated_episodes_are_valued_in_their_last_state_with_their_memory() -> None:
    c = collector(SteadyCut(3), horizon=4, sequence=4)
    rollout = c.collect()
    assert rollout.truncated[3].all()
    value, seen = c.networks.value, {"value": torch.ones(3, 3)}
    state = value.network.initial_state(3)
    for _ in range(4):
        _, state = value.step(seen, state)
    expected, _ = value.step(seen, state)
    torch.testing.assert_close(rollout.final_values[3], expected)
    assert not torch.allclose(expected, rollout.last_values)  # those are of the new episode, without memory


def test_memory_starts_afresh_with_each_episode() -> None:
    c = collector(Steady(3), horizon=8, sequence=4)
    rollout = c.collect()
    torch.testing.assert_close(rollout.values[4:], rollout.values[:4])
    assert not rollout.value_states[1].any()


def test_first_episodes_are_cut_so_that_later_ones_do_not_end_together() -> None:
    """Protects `collection.stagger`: equally long episodes would show one moment of theirs in a rollout."""
    config = CollectionConfig(16, 4, stagger=4)
    c = Collector(Steady(8), actor_critic(FEED_FORWARD), config, torch.Generator().manual_seed(0))
    first = c.collect()
    ends = (first.terminated | first.truncated).int()
    assert ends[:4].sum(0).tolist() == [1] * 8, "each is cut once within the first four steps"
    assert ends[:4].sum(1).tolist() == [3, 2, 2, 1], "and not all in the same"
    assert ends[4:8].equal(ends[:4]), "after that all have their whole length"
    assert ends[8:].equal(ends[:8])
    assert not first.terminated[:3].any(), "a cut is no failure"


def test_staggered_episodes_go_on_where_they_were_kept() -> None:
    config = CollectionConfig(4, 4, stagger=12)
    a, b = (Collector(SteadyCut(6), actor_critic(FEED_FORWARD), config, torch.Generator()) for _ in range(2))
    a.collect()
    b.load_state_dict(a.state_dict())
    assert a.collect().truncated.equal(b.collect().truncated)
    assert b.until_cut.equal(a.until_cut)


def test_statistics_count_episodes_and_goals() -> None:
    c = collector(Steady(5), horizon=10)
    c.collect()
    means = c.statistics.means()
    assert means["episodes"] * 10 == pytest.approx(2)
    assert means["successes"] / means["episodes"] == pytest.approx(4)
    assert means["goals"] == pytest.approx(1)
    assert means["terminated"] == pytest.approx(means["episodes"])
    assert means["env/time"] > 0


class NoScalars(TorchDispatchMode):
    """Fails where a tensor's value would travel to Python: there a GPU's queue would run dry."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        assert function is not torch.ops.aten._local_scalar_dense.default
        return function(*args, **(kwargs or {}))


def test_collecting_never_waits_for_the_device() -> None:
    c = collector(Memory(4))
    with NoScalars():
        c.collect()
        with pytest.raises(AssertionError):
            c.rollout.values.sum().item()


def test_held_noise_repeats_an_environment_s_draws_and_renews_them_in_turn() -> None:
    """Protects exploration: for the same probabilities the same bins, for as long as they are held."""
    c = collector(Steady(4), FEED_FORWARD, horizon=12, sequence=4)
    held = Collector(c.environment, c.networks, CollectionConfig(12, 4, hold=3), c.generator)
    bins = held.collect().actions
    changes = (bins[1:] != bins[:-1]).any(-1)  # (11, 4); the observations are always the same
    renewed = {world: changes[:, world].nonzero().flatten().add(1).tolist() for world in range(4)}
    assert renewed == {0: [3, 6, 9], 1: [1, 4, 7, 10], 2: [2, 5, 8, 11], 3: [3, 6, 9]}
    assert (c.collect().actions[1:] != c.rollout.actions[:-1]).any(-1).all(), "by default each draw is its own"


class Loss(Memory):
    """Every episode ends with a loss; can be set back."""

    length = 20

    def pays(self, actions: Tensor) -> Tensor:
        return -(self.time == self.length - 1).float()

    def episode_rows(self) -> dict[str, Tensor]:
        return {name: getattr(self, name).clone() for name in ("time", "cue", "successes")}

    def set_episode_rows(self, worlds: Tensor, rows: dict[str, Tensor]) -> dict[str, Tensor]:
        for name, values in rows.items():
            getattr(self, name)[worlds] = values
        return self._observe()

    def full_time(self, _: dict[str, Tensor]) -> dict[str, Tensor]:
        return {}


def test_environments_are_set_back_with_their_memory_and_do_not_count() -> None:
    """Protects `collection.near_failures`: what the policy saw and remembered then, and what it learns from there."""
    networks, config = actor_critic(LSTM), CollectionConfig(24, 8, near_failures=0.25)
    c = Collector(Loss(16), networks, config, torch.Generator().manual_seed(0))
    c.collect()  # all worlds fail after 20 steps and are at 4 now
    rollout = c.collect()
    times = rollout.observations["policy"][0, :, 1]
    assert set(times[:4].tolist()) <= {0.0, 8.0}  # moments at least 8 steps before the end
    assert (times[4:] == 4.0).all()
    for world, time in enumerate(times[:4].tolist()):
        assert rollout.starts[0, world] == (time == 0.0)
        assert rollout.policy_states[0, world].any() == (time > 0.0)
        assert rollout.terminated[:, world].nonzero()[0] == 19 - time
    assert c.statistics.means()["episodes"] == pytest.approx(1 / 24)
    again = Collector(Loss(16), networks, config, torch.Generator().manual_seed(9))
    again.load_state_dict(c.state_dict())
    assert torch.equal(again.collect().actions, c.collect().actions)


class Late(Loss):
    """The same, but it is the clock that ends them."""

    ending = "truncated"


def test_goals_not_reached_in_time_are_gone_back_to_where_they_have_a_price() -> None:
    config = CollectionConfig(24, 8, near_failures=0.25)
    c = Collector(Late(16), actor_critic(FEED_FORWARD), config, torch.Generator().manual_seed(0))
    c.collect()
    times = c.collect().observations["policy"][0, :, 1]
    assert set(times[:4].tolist()) <= {0.0, 8.0}


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_some_environments_are_set_back_and_some_are_not(share: float) -> None:
    config = CollectionConfig(24, 8, near_failures=share)
    with pytest.raises(DactylError, match="choose 1 or more, and not all"):
        Collector(Loss(16), actor_critic(FEED_FORWARD), config, torch.Generator())


def test_held_noise_goes_on_after_loading() -> None:
    """Protects `--resume`: exactly the same actions."""
    networks, config = actor_critic(FEED_FORWARD), CollectionConfig(4, 4, hold=3)
    a, b = (Collector(Steady(4), networks, config, torch.Generator().manual_seed(seed)) for seed in (0, 5))
    a.collect()
    b.load_state_dict(a.state_dict())
    assert torch.equal(a.collect().actions, b.collect().actions)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"horizon": 15}, "horizon 15 is no multiple of sequence 10"),
        ({"hold": 0}, "hold must be at least 1"),
        ({"stagger": -1}, "stagger must be at least 0"),
        ({"near_failures": 1.0}, "near_failures must be at least 0 and less than 1"),
    ],
)
def test_bad_options_are_named(changes: dict[str, int], message: str) -> None:
    with pytest.raises(DactylError, match=message):
        CollectionConfig(**changes)


class Plain(Toy):
    """Counts no goals."""

    def step(self, actions: Tensor, cut: Tensor | None = None) -> ToyStep:
        step = super().step(actions, cut)
        return step._replace(info={"time": step.info["time"]})

    def pays(self, actions: Tensor) -> Tensor:
        return torch.ones(self.num_envs)


def test_an_environment_need_not_count_goals() -> None:
    """Protects tasks that have none."""
    c = collector(Plain(3))
    c.collect()
    assert set(c.statistics.means()) == {"reward", "episodes", "terminated", "env/time"}
