"""An actor that only simulates: it takes the newest weights, acts for a rollout and hands it over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

import dactyl
from dactyl.learning.cluster.chunk import Arrays, Chunk, Weights
from dactyl.learning.collector import CollectionConfig, Collector
from dactyl.learning.config import TrainingConfig
from dactyl.learning.models.actor_critic import ActorCritic
from dactyl.learning.models.value import Value
from dactyl.learning.policy import Contract, Policy
from dactyl.learning.protocol import Environment

MakeEnvironment = Callable[[Any, int], Environment]
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Job:
    """What every rollout worker of an optimizer is told."""

    config: TrainingConfig
    contract: Contract
    make_environment: MakeEnvironment
    """From a stage's configuration and a seed: one worker's environments."""
    threads: int
    """CPU threads of each."""


class RolloutWorker:
    """Plain Python, which `crew` makes an actor of."""

    def __init__(self, job: Job, index: int, seed: int) -> None:
        """`seed` is that of the actions; `index` says which chunks are its own."""
        torch.set_num_threads(job.threads)
        self.job, self.index = job, index
        self.generator = torch.Generator().manual_seed(seed)

    def version(self) -> str:
        """Of the code that it runs."""
        return dactyl.__version__

    def make(self, environment: Any, seed: int) -> Shapes:
        """Make the environments of a stage, from its configuration; what they will show."""
        self.environment = self.job.make_environment(environment, seed)
        return self.environment.observation_shapes

    def begin(self, collection: CollectionConfig) -> Arrays:
        """Reset them; what they show now, groups (n, *shape) by name."""
        policy = Policy(self.job.contract)
        value = Value(self.environment.observation_shapes["value"][0], self.job.config.value)
        self.networks = ActorCritic(policy.trainable, value, policy.actions)
        self.collector = Collector(self.environment, self.networks, collection, self.generator)
        return {name: seen.numpy() for name, seen in self.collector.observations.items()}

    def collect(self, weights: Weights) -> Chunk:
        """The next rollout, by these weights."""
        weights.put_into(self.networks)
        rollout = self.collector.collect()
        return Chunk.of(rollout, self.index, weights.version, self.collector.means())

    def state_dict(self) -> dict[str, Any]:
        """All that its later rollouts depend on, but for the weights."""
        return self.collector.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where `state_dict` was taken."""
        self.collector.load_state_dict(state)
