"""Several environments as one, each with an object of its own: how a policy is trained on a group of objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from dactyl.environment.environment import Environment, Observations, Step
from dactyl.errors import DactylError

KIND = "kind"
"""Among `episode_rows` which part each is of: another part's environments cannot go on from there. Among observations
too, (N,), for whom it concerns."""


class MixedEnvironment:
    """Their environments in turns: of K parts, i is of part i % K. Any stretch of them is a fair share of each."""

    def __init__(self, parts: Sequence[Environment]) -> None:
        """Of environments that differ in their objects alone.

        Raises:
            DactylError: there is none, or what they take or show differs, or how many they are.
        """
        if not parts:
            raise DactylError("a mixed environment needs at least one part")
        first = parts[0]
        for part in parts:
            if (part.observation_shapes, part.robot.name) != (first.observation_shapes, first.robot.name):
                raise DactylError("the parts of a mixed environment must have one robot and show the same")
            if part.num_envs != first.num_envs:
                raise DactylError("the parts of a mixed environment must be of one size")
        self.parts = tuple(parts)
        self.num_envs, self.device = len(parts) * first.num_envs, first.device
        self.num_actuators, self.num_bins = first.num_actuators, first.num_bins
        self.control_period = first.control_period
        """s"""

    @property
    def observation_shapes(self) -> dict[str, tuple[int, ...]]:
        return self.parts[0].observation_shapes

    def reset(self) -> Observations:
        """See `Environment.reset`."""
        return self._with_kinds([part.reset() for part in self.parts])

    def step(self, actions: Tensor, cut: Tensor | None = None) -> Step:
        """See `Environment.step`."""
        steps = [
            part.step(self._own(i, actions), None if cut is None else self._own(i, cut))
            for i, part in enumerate(self.parts)
        ]
        return Step(
            observations=self._with_kinds([step.observations for step in steps]),
            reward=_in_turns([step.reward for step in steps]),
            terminated=_in_turns([step.terminated for step in steps]),
            truncated=_in_turns([step.truncated for step in steps]),
            final_value_observations=_in_turns([step.final_value_observations for step in steps]),
            info=_joined([step.info for step in steps]),
        )

    def _own(self, part: int, values: Tensor) -> Tensor:
        """A part's rows of (N, …)."""
        return values[part :: len(self.parts)]

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
        """See `Environment.episode_rows`; with the part as its `KIND`."""
        return self._with_kinds([part.episode_rows() for part in self.parts])

    def full_time(self, rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See `Environment.full_time`."""
        return self.parts[0].full_time(rows)

    def set_episode_rows(self, indices: Tensor, rows: Mapping[str, Tensor]) -> Observations:
        """See `Environment.set_episode_rows`."""
        observed = []
        for i, part in enumerate(self.parts):
            own = indices % len(self.parts) == i
            mine = {name: values[own] for name, values in rows.items() if name != KIND}
            observed.append(part.set_episode_rows(indices[own] // len(self.parts), mine))
        return self._with_kinds(observed)

    def _with_kinds(self, groups: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """Rows of all parts in turns, by name, and of which part each is."""
        return _joined(groups) | {KIND: torch.arange(self.num_envs, device=self.device) % len(self.parts)}


def _joined(groups: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Rows of all parts in turns, by name."""
    return {name: _in_turns([group[name] for group in groups]) for name in groups[0]}


def _in_turns(rows: Sequence[Tensor]) -> Tensor:
    """(n, …) of each of K parts -> (n K, …)."""
    return torch.stack(list(rows), dim=1).flatten(0, 1)
