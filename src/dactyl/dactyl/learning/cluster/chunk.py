"""What travels through Ray's object store: weights one way, experience the other. Arrays are not copied there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dactyl.learning.models.actor_critic import ActorCritic
from dactyl.learning.rollout import Rollout

Arrays = dict[str, np.ndarray]
TIMELESS = ("last_values",)
"""What a rollout has once for each environment; all else has a row for each control step or sequence before."""


@dataclass(frozen=True)
class Weights:
    """Both networks as they were after some update."""

    version: int
    """How many updates that was."""
    policy: Arrays
    value: Arrays

    @classmethod
    def of(cls, networks: ActorCritic, version: int) -> Weights:
        return cls(version, _arrays(networks.policy.state_dict()), _arrays(networks.value.state_dict()))

    def put_into(self, networks: ActorCritic) -> None:
        """Make the networks these."""
        networks.policy.load_state_dict(_tensors(self.policy))
        networks.value.load_state_dict(_tensors(self.value))


@dataclass(frozen=True)
class Chunk:
    """A rollout worker's rollout, and what it says of it."""

    worker: int
    version: int
    """Of the weights that acted."""
    means: Mapping[str, float]
    """Figures for the log, see `Statistics.means`."""
    arrays: Mapping[str, Any]
    """The rollout's tensors by name."""

    @classmethod
    def of(cls, rollout: Rollout, worker: int, version: int, means: Mapping[str, float]) -> Chunk:
        tensors = {field.name: getattr(rollout, field.name) for field in fields(Rollout)}
        observations = _arrays(tensors.pop("observations"))
        return cls(worker, version, means, {**_arrays(tensors), "observations": observations})


def side_by_side(chunks: Sequence[Chunk], device: torch.device) -> Rollout:
    """One rollout with the environments of all."""

    def join(name: str, arrays: Sequence[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.concatenate(arrays, 0 if name in TIMELESS else 1)).to(device)

    seen = [chunk.arrays["observations"] for chunk in chunks]
    names = [field.name for field in fields(Rollout) if field.name != "observations"]
    return Rollout(
        observations={name: join(name, [arrays[name] for arrays in seen]) for name in seen[0]},
        **{name: join(name, [chunk.arrays[name] for chunk in chunks]) for name in names},
    )


def mean_figures(chunks: Sequence[Chunk]) -> dict[str, float]:
    """Means of the chunks' figures: each has as many environments and steps."""
    return {name: sum(chunk.means[name] for chunk in chunks) / len(chunks) for name in chunks[0].means}


def _arrays(tensors: Mapping[str, Tensor]) -> Arrays:
    return {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}


def _tensors(arrays: Arrays) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
