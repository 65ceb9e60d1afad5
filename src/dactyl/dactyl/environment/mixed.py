"""Several environments as one, each with an object of its own: how a policy is trained on a group of objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from dactyl.environment.environment import Environment, Observations, Step
from dactyl.errors import DactylError


class MixedEnvironment:
    """Their environments side by side, in their order; see `Environment`."""

    def __init__(self, parts: Sequence[Environment]) -> None:
        """Of environments that differ in their objects alone.

        Raises:
            DactylError: there is none, or what they take or show differs.
        """
        if not parts:
            raise DactylError("a mixed environment needs at least one part")
        first = parts[0]
        for part in parts:
            if (part.observation_shapes, part.robot.name) != (first.observation_shapes, first.robot.name):
                raise DactylError("the parts of a mixed environment must have one robot and show the same")
        self.parts = tuple(parts)
        self._counts = [part.num_envs for part in parts]
        self.num_envs, self.device = sum(self._counts), first.device
        self.num_actuators, self.num_bins = first.num_actuators, first.num_bins
        self.control_period = first.control_period
        """s"""

    @property
    def observation_shapes(self) -> dict[str, tuple[int, ...]]:
        return self.parts[0].observation_shapes

    def reset(self) -> Observations:
        """See `Environment.reset`."""
        return _joined([part.reset() for part in self.parts])

    def step(self, actions: Tensor, cut: Tensor | None = None) -> Step:
        """See `Environment.step`."""
        cuts: Sequence[Tensor | None] = [None] * len(self.parts) if cut is None else cut.split(self._counts)
        shares = zip(self.parts, actions.split(self._counts), cuts, strict=True)
        steps = [part.step(own, ended) for part, own, ended in shares]
        return Step(
            observations=_joined([step.observations for step in steps]),
            reward=torch.cat([step.reward for step in steps]),
            terminated=torch.cat([step.terminated for step in steps]),
            truncated=torch.cat([step.truncated for step in steps]),
            final_value_observations=torch.cat([step.final_value_observations for step in steps]),
            info=_joined([step.info for step in steps]),
        )

    def state_dict(self) -> dict[str, Tensor]:
        """See `Environment.state_dict`."""
        return {
            f"{number}/{name}": value
            for number, part in enumerate(self.parts)
            for name, value in part.state_dict().items()
        }

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """See `Environment.load_state_dict`."""
        for number, part in enumerate(self.parts):
            start = f"{number}/"
            part.load_state_dict({k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)})

    def episode_rows(self) -> dict[str, Tensor]:
        """See `Environment.episode_rows`."""
        return _joined([part.episode_rows() for part in self.parts])

    def full_time(self, rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See `Environment.full_time`."""
        return self.parts[0].full_time(rows)

    def set_episode_rows(self, indices: Tensor, rows: Mapping[str, Tensor]) -> Observations:
        """See `Environment.set_episode_rows`."""
        observed, start = [], 0
        for part, count in zip(self.parts, self._counts, strict=True):
            own = (indices >= start) & (indices < start + count)
            mine = {name: values[own] for name, values in rows.items()}
            observed.append(part.set_episode_rows(indices[own] - start, mine))
            start += count
        return _joined(observed)


def _joined(groups: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Rows of all parts below each other, by name."""
    return {name: torch.cat([group[name] for group in groups]) for name in groups[0]}
