"""Collecting: what is stored belongs together, states are cut at episode ends, nothing waits for the CPU."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from dactyl.errors import DactylError
from dactyl.learning import actions as distribution
from dactyl.learning.collector import Collector
from dactyl.learning.models.recurrent import Architecture, Network
from dactyl.learning.models.value import Value
from tests.learning.toys import Memory, Steady, SteadyCut, Toy

LSTM, FEED_FORWARD = Architecture((16,), 8), Architecture((16,), 0)


def collector(toy: Toy, architecture: Architecture = LSTM, horizon: int = 10, sequence: int = 5) -> Collector:
    torch.manual_seed(0)
    policy, value = Network(3, 220, architecture), Value(3, architecture)
    generator = torch.Generator("cpu").manual_seed(0)
    return Collector(toy, policy.to(toy.device), value.to(toy.device), horizon, sequence, generator)


@pytest.mark.parametrize("architecture", [LSTM, FEED_FORWARD])
def test_training_on_stored_sequences_sees_the_probabilities_and_values_of_acting(architecture: Architecture) -> None:
    c = collector(Memory(16), architecture)
    c.collect()
    rollout = c.collect()  # begins in the middle of episodes: 10 is no multiple of 4
    assert rollout.starts.any(0).all()
    assert not rollout.starts[0].any()
    for i, start in enumerate((0, 5)):
        part = slice(start, start + 5)
        logits = c.policy.sequence(rollout.policy_observations[part], rollout.policy_states[i], rollout.starts[part])
        log_probs = distribution.log_prob(logits.unflatten(-1, (20, 11)), rollout.bins[part])
        torch.testing.assert_close(log_probs, rollout.log_probs[part])
        values = c.value.network.sequence(
            rollout.value_observations[part], rollout.value_states[i], rollout.starts[part]
        )
        torch.testing.assert_close(values.squeeze(-1), rollout.values[part])


def test_truncated_worlds_are_valued_in_their_last_state_with_their_memory() -> None:
    c = collector(SteadyCut(3), horizon=4, sequence=4)
    rollout = c.collect()
    assert rollout.truncated[3].all()
    state = c.value.network.initial_state(3)
    for _ in range(4):
        _, state = c.value.step(torch.ones(3, 3), state)
    expected, _ = c.value.step(torch.ones(3, 3), state)
    torch.testing.assert_close(rollout.final_values[3], expected)
    assert not torch.allclose(expected, rollout.last_values)  # those are of the new episode, without memory


def test_memory_starts_afresh_with_each_episode() -> None:
    c = collector(Steady(3), horizon=8, sequence=4)
    rollout = c.collect()
    torch.testing.assert_close(rollout.values[4:], rollout.values[:4])
    assert not rollout.value_states[1].any()


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


def test_held_noise_repeats_a_world_s_draws_and_renews_them_in_turn() -> None:
    """Protects exploration: for the same probabilities the same bins, for as long as they are held."""
    c = collector(Steady(4), FEED_FORWARD, horizon=12, sequence=4)
    held = Collector(c.environment, c.policy, c.value, 12, 4, c.generator, hold=3)
    bins = held.collect().bins
    changes = (bins[1:] != bins[:-1]).any(-1)  # (11, 4); the observations are always the same
    renewed = {world: changes[:, world].nonzero().flatten().add(1).tolist() for world in range(4)}
    assert renewed == {0: [3, 6, 9], 1: [1, 4, 7, 10], 2: [2, 5, 8, 11], 3: [3, 6, 9]}
    assert (c.collect().bins[1:] != c.rollout.bins[:-1]).any(-1).all(), "by default each draw is its own"


class Loss(Memory):
    """Every episode ends with a loss; worlds can be set back."""

    length = 20

    def pays(self, bins: Tensor) -> Tensor:
        return -(self.time == self.length - 1).float()

    def world_state(self) -> dict[str, Tensor]:
        return {name: getattr(self, name).clone() for name in ("time", "cue", "successes")}

    def set_worlds(self, worlds: Tensor, rows: dict[str, Tensor]) -> dict[str, Tensor]:
        for name, values in rows.items():
            getattr(self, name)[worlds] = values
        return self._observe()


def test_rehearsing_worlds_are_set_back_with_their_memory_and_do_not_count() -> None:
    """Protects `ppo.rehearsal`: what the policy saw and remembered at that moment, and what it learns from there."""
    torch.manual_seed(0)
    networks = Network(3, 220, LSTM), Value(3, LSTM)
    c = Collector(Loss(16), *networks, 24, 8, torch.Generator().manual_seed(0), rehearsal=0.25)
    c.collect()  # all worlds fail after 20 steps and are at 4 now
    rollout = c.collect()
    times = rollout.policy_observations[0, :, 1]
    assert set(times[:4].tolist()) <= {0.0, 8.0}  # moments at least 8 steps before the end
    assert (times[4:] == 4.0).all()
    for world, time in enumerate(times[:4].tolist()):
        assert rollout.starts[0, world] == (time == 0.0)
        assert rollout.policy_states[0, world].any() == (time > 0.0)
        assert rollout.terminated[:, world].nonzero()[0] == 19 - time
    assert c.statistics.means()["episodes"] == pytest.approx(1 / 24)
    again = Collector(Loss(16), *networks, 24, 8, torch.Generator().manual_seed(9), rehearsal=0.25)
    again.load_state_dict(c.state_dict())
    assert torch.equal(again.collect().bins, c.collect().bins)


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_some_worlds_rehearse_and_some_do_not(share: float) -> None:
    with pytest.raises(DactylError, match="to rehearse"):
        Collector(Loss(16), *_networks(), 24, 8, torch.Generator(), rehearsal=share)


def test_held_noise_goes_on_after_loading() -> None:
    """Protects `--resume`: exactly the same actions."""
    a = Collector(Steady(4), *_networks(), 4, 4, torch.Generator().manual_seed(0), hold=3)
    a.collect()
    b = Collector(Steady(4), *_networks(), 4, 4, torch.Generator().manual_seed(5), hold=3)
    b.load_state_dict(a.state_dict())
    assert torch.equal(a.collect().bins, b.collect().bins)


def _networks() -> tuple[Network, Value]:
    torch.manual_seed(0)
    return Network(3, 220, FEED_FORWARD), Value(3, FEED_FORWARD)
