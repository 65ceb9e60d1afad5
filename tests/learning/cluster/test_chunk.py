"""What workers hand over is what one process would have collected."""

from __future__ import annotations

import pickle
from dataclasses import fields

import torch

from dactyl.learning.actions import Categorical
from dactyl.learning.cluster.chunk import Chunk, Weights, mean_figures, side_by_side
from dactyl.learning.collector import CollectionConfig, Collector
from dactyl.learning.models.actor_critic import ActorCritic
from dactyl.learning.models.recurrent import Architecture, Network
from dactyl.learning.models.value import Value
from dactyl.learning.rollout import Rollout
from tests.learning.toys import Memory


def networks(seed: int = 0) -> ActorCritic:
    torch.manual_seed(seed)
    architecture = Architecture((8,), 4)
    return ActorCritic(Network("policy", 3, 220, architecture), Value(3, architecture), Categorical(20, 11))


def rollout(seed: int, number: int) -> Rollout:
    generator = torch.Generator().manual_seed(seed)
    return Collector(Memory(number, seed=seed), networks(), CollectionConfig(8, 4), generator).collect()


def test_a_rollout_comes_through_unchanged_to_the_bit() -> None:
    sent = rollout(0, 6)
    chunk = pickle.loads(pickle.dumps(Chunk.of(sent, 0, 3, {"reward": 1.0})))
    found = side_by_side([chunk], torch.device("cpu"))
    for field in fields(Rollout):
        a, b = getattr(sent, field.name), getattr(found, field.name)
        pairs = [(a[name], b[name]) for name in a] if isinstance(a, dict) else [(a, b)]
        for x, y in pairs:
            assert torch.equal(x, y), field.name
            assert x.dtype == y.dtype, field.name


def test_chunks_stand_side_by_side_in_their_order() -> None:
    first, second = rollout(0, 2), rollout(1, 3)
    both = side_by_side([Chunk.of(first, 0, 0, {}), Chunk.of(second, 1, 0, {})], torch.device("cpu"))
    assert torch.equal(both.rewards, torch.cat([first.rewards, second.rewards], 1))
    assert torch.equal(both.last_values, torch.cat([first.last_values, second.last_values]))
    assert torch.equal(both.policy_states[:, 2:], second.policy_states)
    assert both.sequence == 4


def test_figures_are_means_over_the_chunks() -> None:
    chunks = [Chunk.of(rollout(0, 2), index, 0, {"reward": float(index)}) for index in range(4)]
    assert mean_figures(chunks) == {"reward": 1.5}


def test_weights_make_another_process_act_alike() -> None:
    """Protects the normalizers, which are no parameters, and the targets' scale."""
    ours, theirs = networks(0), networks(1)
    seen = {"policy": torch.randn(5, 3), "value": torch.randn(5, 3)}
    ours.policy.normalizer.update(torch.randn(50, 3) * 3.0 + 1.0)
    ours.value.targets.update(torch.randn(50, 1) * 7.0)
    pickle.loads(pickle.dumps(Weights.of(ours, 0))).put_into(theirs)
    for kind in ("policy", "value"):
        a, b = getattr(ours, kind), getattr(theirs, kind)
        network = a if kind == "policy" else a.network
        state = network.initial_state(5)
        assert torch.equal(a.step(seen, state)[0], b.step(seen, state)[0])
