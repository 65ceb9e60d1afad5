"""Experience from rollout workers, in the shape in which a `Trainer` knows it from its own environments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dactyl.learning.cluster.chunk import Weights, mean_figures, side_by_side
from dactyl.learning.cluster.crew import Crew
from dactyl.learning.cluster.stager import Asynchronous, Stager, Synchronous
from dactyl.learning.collector import CollectionConfig
from dactyl.learning.models.actor_critic import ActorCritic
from dactyl.learning.rollout import Rollout


class RemoteEnvironments:
    """The environments of a stage, wherever they are."""

    def __init__(self, crew: Crew, environment: Any, seed: int, device: torch.device) -> None:
        """
        Args:
            crew: has them.
            environment: their configuration.
            seed: of the first worker's.
            device: that will learn from what they show.
        """
        self.crew, self.device = crew, device
        self.observation_shapes = crew.make(environment, seed)


class RemoteCollector:
    """Publishes the networks before every batch, and takes what the workers have done."""

    def __init__(
        self,
        environments: RemoteEnvironments,
        networks: ActorCritic,
        collection: CollectionConfig,
        generator: torch.Generator,
        *,
        synchronous: bool,
        max_age: int,
        optimizers: int,
    ) -> None:
        """
        Args:
            environments: whose workers collect.
            networks: that they act with.
            collection: how.
            generator: unused, each worker has its own.
            synchronous: see `stager`.
            max_age: see `stager`.
            optimizers: so many share the log; its sums are means over them.
        """
        del generator
        self.crew, self.networks = environments.crew, networks
        seen = self.crew.begin(collection, everybody=synchronous)
        self.observations: Mapping[str, Tensor] = {
            name: torch.from_numpy(np.concatenate([each[name] for each in seen])).to(environments.device)
            for name in seen[0]
        }
        self.synchronous, self.optimizers = synchronous, optimizers
        self.stager: Stager = Synchronous(self.crew) if synchronous else Asynchronous(self.crew, max_age)
        self.version = 0
        self._means: dict[str, float] = {}

    def collect(self) -> Rollout:
        """The next batch, by weights that are as new as they can be.

        Raises:
            DactylError: a worker's environment cannot go on.
        """
        self.stager.publish(Weights.of(self.networks, self.version))
        chunks = self.stager.take()
        ages = [self.version - chunk.version for chunk in chunks]
        self._means = mean_figures(chunks) | {
            "cluster/workers": float(self.crew.working * self.optimizers),
            "cluster/age": sum(ages) / len(ages),
            "cluster/dropped": float(self.stager.dropped * self.optimizers),
            "cluster/lost": float(self.crew.lost * self.optimizers),
            "cluster/queue": float(self.stager.waiting * self.optimizers),
        }
        self.version += 1
        return side_by_side(chunks, self.networks.device)

    def means(self) -> dict[str, float]:
        """The workers' figures, and the cluster's own."""
        return self._means

    def state_dict(self) -> dict[str, Any]:
        """The workers' states where they act in step; else they begin new episodes when training goes on."""
        return {"workers": self.crew.gather() if self.synchronous else []}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where as many workers stood; else with the episodes that have just begun."""
        states = state.get("workers", [])
        if self.synchronous and len(states) == len(self.crew.members):
            self.crew.scatter(states)

    def close(self) -> None:
        """Let the workers rest."""
        self.stager.close()
