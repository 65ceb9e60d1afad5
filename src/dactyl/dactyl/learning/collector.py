"""Collecting experience: the policy acts in all worlds at once and everything stays on their device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from dactyl.learning import actions as distribution
from dactyl.learning.models.recurrent import Network
from dactyl.learning.models.value import Value
from dactyl.learning.near_failures import Rehearsal, Rows


class Step(Protocol):
    """What one control step of N worlds gives back."""

    @property
    def observations(self) -> Mapping[str, Tensor]:
        """ "policy" (N, …) and "value" (N, …) float32; those of the next episode where one ended."""

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
        """(N, …) the value network's observation before any reset."""

    @property
    def successes(self) -> Tensor:
        """(N,) int: goals reached in the episode so far, before any reset."""

    @property
    def info(self) -> Mapping[str, Tensor]:
        """Whatever is worth a mean in the log, each (N,) or ()."""


class Environment(Protocol):
    """N worlds that start a new episode by themselves when one ends."""

    num_envs: int
    device: torch.device
    num_actuators: int
    num_bins: int

    @property
    def observation_sizes(self) -> Mapping[str, int]:
        """Of "policy" and "value"."""

    def reset(self) -> Mapping[str, Tensor]:
        """Start new episodes everywhere."""

    def step(self, bins: Tensor) -> Step:
        """Advance by one control step with bins (N, num_actuators) int64."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that decides what comes next, as tensors and plain values."""

    def world_state(self) -> Rows:
        """See `Rehearsable`; only asked for where worlds rehearse, as the next."""

    def set_worlds(self, worlds: Tensor, rows: Rows) -> Mapping[str, Tensor]:
        """See `Rehearsable`."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where `state_dict` was taken."""


@dataclass
class Rollout:
    """T control steps of N worlds, cut into sequences of L for training the recurrent networks."""

    policy_observations: Tensor
    """(T, N, …)"""
    value_observations: Tensor
    """(T, N, …)"""
    policy_states: Tensor
    """(T / L, N, …) memory before each sequence"""
    value_states: Tensor
    """(T / L, N, …)"""
    starts: Tensor
    """(T, N) bool, an episode starts with this step"""
    bins: Tensor
    """(T, N, 20) uint8"""
    log_probs: Tensor
    """(T, N) of the bins when they were drawn"""
    values: Tensor
    """(T, N) predicted before the action"""
    rewards: Tensor
    """(T, N)"""
    terminated: Tensor
    """(T, N) bool"""
    truncated: Tensor
    """(T, N) bool"""
    final_values: Tensor
    """(T, N) predicted after the action where the episode was truncated"""
    last_values: Tensor
    """(N,) predicted after the last action"""


class Statistics:
    """Sums over control steps, kept on the device and read once per iteration."""

    def __init__(self, num_envs: int, device: torch.device, first: int = 0) -> None:
        """Of all worlds from the `first` on."""
        self.first = first
        self.previous = torch.zeros(num_envs, dtype=torch.int64, device=device)
        self.clear()

    def clear(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.steps = 0

    def add(self, step: Step) -> None:
        ended = step.terminated | step.truncated
        self.steps += 1
        for name, value in {
            "reward": step.reward,
            "goals": step.successes - self.previous,
            "episodes": ended,
            "successes": step.successes * ended,
            "terminated": step.terminated,
            **{f"env/{name}": value for name, value in step.info.items()},
        }.items():
            mean = value[self.first :].float().mean()
            self.sums[name] = self.sums[name] + mean if name in self.sums else mean
        self.previous = step.successes.masked_fill(ended, 0).long()

    def means(self) -> dict[str, float]:
        """Means per control step of one world since `clear`."""
        values = torch.stack(list(self.sums.values())) / self.steps
        return dict(zip(self.sums, values.tolist(), strict=True))


class Collector:
    """Runs the policy in the worlds, episode after episode, from one rollout to the next."""

    def __init__(
        self,
        environment: Environment,
        policy: Network,
        value: Value,
        horizon: int,
        sequence: int,
        generator: torch.Generator,
        bf16: bool = False,
        hold: int = 1,
        rehearsal: float = 0.0,
    ) -> None:
        """See `ppo.PPOConfig` for sequence, bf16, hold and rehearsal."""
        self.environment = environment
        self.policy = policy
        self.value = value
        self.horizon = horizon
        self.sequence = sequence
        self.generator = generator
        self.bf16 = bf16
        self.hold = hold
        n, device = environment.num_envs, environment.device
        self.rehearsal = Rehearsal(environment, n, rehearsal, generator) if rehearsal else None
        self.statistics = Statistics(n, device, self.rehearsal.count if self.rehearsal else 0)
        self.observations = environment.reset()
        self.starts = torch.ones(n, dtype=torch.bool, device=device)
        self.policy_state = policy.initial_state(n)
        self.value_state = value.network.initial_state(n)
        self.phase = torch.arange(n, device=device) % hold
        """Control steps until a world gets new random numbers."""
        shape = n, environment.num_actuators, environment.num_bins
        self.noise = distribution.noise(torch.empty(shape, device=device), generator)
        self.rollout = self._allocate(n, device)

    def _allocate(self, n: int, device: torch.device) -> Rollout:
        def zeros(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros(*shape, dtype=dtype, device=device)

        t, sizes = self.horizon, self.environment.observation_sizes
        return Rollout(
            policy_observations=zeros(t, n, sizes["policy"]),
            value_observations=zeros(t, n, sizes["value"]),
            policy_states=zeros(t // self.sequence, n, self.policy.state_size),
            value_states=zeros(t // self.sequence, n, self.value.network.state_size),
            starts=zeros(t, n, dtype=torch.bool),
            bins=zeros(t, n, self.environment.num_actuators, dtype=torch.uint8),
            log_probs=zeros(t, n),
            values=zeros(t, n),
            rewards=zeros(t, n),
            terminated=zeros(t, n, dtype=torch.bool),
            truncated=zeros(t, n, dtype=torch.bool),
            final_values=zeros(t, n),
            last_values=zeros(n),
        )

    @torch.no_grad()
    def collect(self) -> Rollout:
        """The next T control steps. The rollout's tensors are overwritten by the next call."""
        self.statistics.clear()
        if self.rehearsal:
            self.rehearsal.set_back(self._memory(), self.observations)
        for t in range(self.horizon):
            self._step(t)
        with self._autocast():
            self.rollout.last_values[:], _ = self.value.step(self.observations["value"], self.value_state)
        return self.rollout

    def _memory(self) -> Rows:
        """What it knows of each world, beside what the environment does."""
        return {
            "starts": self.starts,
            "policy_state": self.policy_state,
            "value_state": self.value_state,
            "previous": self.statistics.previous,
        }

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.environment.device.type, torch.bfloat16, enabled=self.bf16)

    def _step(self, t: int) -> None:
        rollout, environment = self.rollout, self.environment
        if self.rehearsal:
            self.rehearsal.remember(self._memory())
        if t % self.sequence == 0:
            rollout.policy_states[t // self.sequence] = self.policy_state
            rollout.value_states[t // self.sequence] = self.value_state
        rollout.policy_observations[t] = self.observations["policy"]
        rollout.value_observations[t] = self.observations["value"]
        rollout.starts[t] = self.starts

        with self._autocast():
            logits, self.policy_state = self.policy.step(self.observations["policy"], self.policy_state)
            rollout.values[t], self.value_state = self.value.step(self.observations["value"], self.value_state)
        logits = logits.unflatten(-1, (environment.num_actuators, environment.num_bins))
        bins = distribution.draw(logits, self._held_noise())
        rollout.bins[t] = bins
        rollout.log_probs[t] = distribution.log_prob(logits, bins)

        step = environment.step(bins)
        rollout.rewards[t] = step.reward
        rollout.terminated[t] = step.terminated
        rollout.truncated[t] = step.truncated
        self._value_truncated(t, step)
        self.statistics.add(step)

        self.observations = step.observations
        self.starts = step.terminated | step.truncated
        if self.rehearsal:
            self.rehearsal.note(step.terminated & (step.reward < 0), self.starts)
        self.policy_state = self.policy_state.masked_fill(self.starts.unsqueeze(-1), 0.0)
        self.value_state = self.value_state.masked_fill(self.starts.unsqueeze(-1), 0.0)

    def _held_noise(self) -> Tensor:
        """Random numbers that each world keeps for `hold` control steps, not all worlds renewing them at once."""
        fresh = distribution.noise(self.noise, self.generator)
        self.noise = torch.where((self.phase == 0)[:, None, None], fresh, self.noise)
        self.phase = (self.phase - 1) % self.hold
        return self.noise

    def _value_truncated(self, t: int, step: Step) -> None:
        """Predict what would have followed in the truncated worlds; on a GPU in all, to stay clear of the CPU."""
        worlds = step.truncated.nonzero().squeeze(-1) if step.truncated.is_cpu else slice(None)
        with self._autocast():
            values, _ = self.value.step(step.final_value_observations[worlds], self.value_state[worlds])
        self.rollout.final_values[t, worlds] = values

    def state_dict(self) -> dict[str, Any]:
        return {
            "observations": dict(self.observations),
            "starts": self.starts,
            "policy_state": self.policy_state,
            "value_state": self.value_state,
            "noise": self.noise,
            "phase": self.phase,
            "previous": self.statistics.previous,
            "generator": self.generator.get_state(),
            "environment": self.environment.state_dict(),
            **({"rehearsal": self.rehearsal.state_dict()} if self.rehearsal else {}),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        device = self.environment.device
        self.observations = {name: tensor.to(device) for name, tensor in state["observations"].items()}
        self.starts = state["starts"].to(device)
        self.policy_state = state["policy_state"].to(device)
        self.value_state = state["value_state"].to(device)
        self.noise = state["noise"].to(device)
        self.phase = state["phase"].to(device) % self.hold
        self.statistics.previous = state["previous"].to(device)
        self.generator.set_state(state["generator"].cpu())
        self.environment.load_state_dict(state["environment"])
        if self.rehearsal and "rehearsal" in state:
            self.rehearsal.load_state_dict(state["rehearsal"])
