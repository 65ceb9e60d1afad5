"""What training and evaluation ask of an environment. It need not know any robot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

Rows = dict[str, Tensor]
"""A row for each environment, by name."""
KIND = "kind"
"""Where environments differ in kind: a group of observations, and of rows, (N,), with a number for each kind."""


class Step(Protocol):
    """What one control step of N environments gives back."""

    @property
    def observations(self) -> Mapping[str, Tensor]:
        """Groups (N, *shape) by name; those of the next episode where one ended."""

    @property
    def reward(self) -> Tensor:
        """(N,) float32."""

    @property
    def terminated(self) -> Tensor:
        """(N,) bool: the episode ended, nothing would have followed."""

    @property
    def truncated(self) -> Tensor:
        """(N,) bool: the episode was cut."""

    @property
    def final_value_observations(self) -> Tensor:
        """(N, …) the group "value" before any reset."""

    @property
    def info(self) -> Mapping[str, Tensor]:
        """Whatever is worth a mean in the log, each (N,) or ().

        "successes", (N,) int, where there are goals: how many were reached in the episode so far, before any reset.
        """


class Environment(Protocol):
    """N environments in one, each of which starts a new episode by itself when one ends."""

    num_envs: int
    device: torch.device

    @property
    def num_actuators(self) -> int:
        """How many numbers or bins an action has."""

    @property
    def num_bins(self) -> int:
        """Of each actuator's action; 0: an action is a number in [-1, 1]."""

    @property
    def control_period(self) -> float:
        """s between two actions."""

    @property
    def observation_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Of each group: the vectors "policy" and "value", and images, if any, (channels, height, width)."""

    def reset(self) -> Mapping[str, Tensor]:
        """Start new episodes everywhere."""

    def step(self, actions: Tensor, cut: Tensor | None = None) -> Step:
        """Advance by one control step with bins (N, num_actuators) int64, or numbers float32.

        `cut` (N,) bool says which episodes end with it whatever happens; they are truncated.
        """

    def state_dict(self) -> dict[str, Any]:
        """Everything that decides what comes next, as tensors and plain values."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where `state_dict` was taken."""

    def episode_rows(self) -> Rows:
        """See `Resettable`; only asked for where there are resets to near-failures, as the next."""

    def set_episode_rows(self, indices: Tensor, rows: Rows) -> Mapping[str, Tensor]:
        """See `Resettable`."""

    def full_time(self, rows: Rows) -> Rows:
        """See `Resettable`."""


class Resettable(Protocol):
    """An environment whose parts can be set back."""

    def episode_rows(self) -> Rows:
        """What the future of each depends on, (N, …) each. Where they differ in kind, `KIND` too."""

    def set_episode_rows(self, indices: Tensor, rows: Rows) -> Mapping[str, Tensor]:
        """Put rows (k, …) into the environments with these indices (k,); the observations of all then."""

    def full_time(self, rows: Rows) -> Rows:
        """Those of the rows, changed, that say how much time is left for the goal: all of it."""
