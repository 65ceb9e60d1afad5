"""Training in several processes: real ones, that meet through torch.distributed."""

import os
from typing import Any

import pytest
import torch

from dactyl.errors import DactylError
from dactyl.learning.actions import Categorical
from dactyl.learning.algorithms.ppo import PPO, PPOConfig
from dactyl.learning.batch import Experience
from dactyl.learning.collector import CollectionConfig, Collector
from dactyl.learning.models.actor_critic import ActorCritic
from dactyl.learning.models.recurrent import Architecture, Network
from dactyl.learning.models.value import Value
from dactyl.learning.normalizer import RunningNormalizer
from dactyl.learning.process_group import ALONE, ProcessGroup, run
from tests.learning.toys import Memory


def everything(processes: ProcessGroup, samples: torch.Tensor) -> dict[str, Any]:
    """What a member finds with its part of the samples."""
    own = samples.chunk(processes.size)[processes.rank]
    normalizer = RunningNormalizer(samples.shape[-1])
    for part in own.chunk(2):
        normalizer.update(part, processes)
    weight = torch.ones(samples.shape[-1], requires_grad=True)
    (own @ weight).square().mean().backward()
    figure = processes.average_gradients([weight], torch.tensor(float(processes.rank)))
    found = {
        "figure": figure,
        "mean": normalizer.mean,
        "variance": normalizer.variance,
        "count": normalizer.count,
        "gradient": weight.grad,
        "any": (processes.any(processes.rank == 1), processes.any(False)),
        "means": processes.means({"rank": float(processes.rank), "one": 1.0}),
    }
    return {**found, "all": processes.gather({"rank": processes.rank})}


def test_members_find_what_one_process_would_find_with_all_samples() -> None:
    samples = torch.randn(40, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 5.0, 0.1]) + 3.0
    both = run(2, everything, samples)
    alone = everything(ALONE, samples)
    for name in ("mean", "variance", "count", "gradient"):
        torch.testing.assert_close(both[name], alone[name], msg=name)
    assert (both["figure"], alone["figure"]) == (0.5, 0.0)
    assert both["any"] == (True, False)
    assert both["means"] == {"rank": 0.5, "one": 1.0}
    assert both["all"] == [{"rank": 0}, {"rank": 1}]


def improve(processes: ProcessGroup) -> list[dict[str, torch.Tensor]]:
    """All members' networks after two iterations, each with experience of its own."""
    torch.manual_seed(0)
    policy, value = Network("policy", 3, 220, Architecture((8,), 4)), Value(3, Architecture((8,), 0))
    networks = ActorCritic(policy, value, Categorical(20, 11))
    generator = torch.Generator().manual_seed(processes.rank)
    toy = Memory(8, seed=processes.rank)
    collector = Collector(toy, networks, CollectionConfig(8, 8), generator)
    ppo = PPO(networks, PPOConfig(minibatch=64, minibatches=3), generator, processes)
    for _ in range(2):
        ppo.update(collector.collect())
    return processes.gather({**policy.state_dict(), **{f"value.{k}": v for k, v in value.state_dict().items()}})


def test_members_keep_the_same_networks() -> None:
    """Protects the averaged gradients' meaning: to the last bit, normalizers included."""
    first, second = run(2, improve)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["head.bias"], torch.zeros(220))


def leave(processes: ProcessGroup) -> None:
    if not processes.leads:
        os._exit(3)
    processes.mean(torch.ones(1))


def test_a_member_that_dies_ends_the_training_with_one_line() -> None:
    """Protects against a leader that waits for ever."""
    with pytest.raises(DactylError, match="another process of this training has ended"):
        run(2, leave)


def waits(processes: ProcessGroup) -> int:
    """How often the members wait for each other in three gradient steps of both networks."""
    counted = 0

    class Counting(ProcessGroup):
        def _reduce(self, x: torch.Tensor) -> None:
            nonlocal counted
            counted += 1
            super()._reduce(x)

    group = Counting(processes.rank, processes.size)
    policy, value = Network("policy", 3, 220, Architecture((8,), 4)), Value(3, Architecture((8,), 0))
    networks = ActorCritic(policy, value, Categorical(20, 11))
    collector = Collector(Memory(8), networks, CollectionConfig(8, 8), torch.Generator())
    ppo = PPO(networks, PPOConfig(minibatch=64, minibatches=3), torch.Generator(), group)
    rollout = collector.collect()
    experience = Experience(rollout, rollout.rewards, rollout.rewards)
    ppo._descend_all(experience)
    return counted


def test_members_wait_for_each_other_once_a_gradient_step() -> None:
    """Protects the second core's worth: each wait is for the slower one."""
    assert run(2, waits) == 3
