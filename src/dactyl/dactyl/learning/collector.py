"""Collecting experience: the policy acts in all environments at once and everything stays on their device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from dactyl.errors import DactylError
from dactyl.learning.algorithms.teacher import Teacher
from dactyl.learning.leading import Leading
from dactyl.learning.models.actor_critic import ActorCritic
from dactyl.learning.near_failures import NearFailures
from dactyl.learning.protocol import Environment, Rows, Step
from dactyl.learning.rollout import Rollout
from dactyl.learning.statistics import Statistics

GOLDEN = 0.6180339887
"""Multiples of it, less their whole part, are spread evenly, any stretch of them too: a group of objects' is one."""


@dataclass(frozen=True)
class CollectionConfig:
    """How experience is collected; the defaults are the paper's where it has them."""

    horizon: int = 10
    """Control steps of every environment per iteration; a multiple of sequence."""
    sequence: int = 10
    """Control steps that gradients flow back through the LSTM."""
    hold: int = 1
    """Control steps for which an environment keeps the random numbers its actions are drawn with. Each action still has
    the policy's probabilities, but a motion tried is tried for so long, and smoothing does not average it out."""
    near_failures: float = 0.0
    """Share of the environments that are set back, before every rollout, to shortly before an episode ended with a
    loss: a drop, or a goal not reached in time where that has a price."""
    led: float = 0.0
    """Share of the time in which the teacher acts in the policy's place, in stretches of a second, see `Leading`; where
    the policy only imitates."""
    stagger: int = 0
    """Control steps over which the ends of the first episodes are spread. Where all episodes are equally long and begin
    together, a rollout would show one moment of them for ever; with an episode's length it shows all."""
    bf16: bool = False
    """Multiply matrices in bfloat16 (GPU only), in learning too; probabilities, values and losses stay in float32."""

    def __post_init__(self) -> None:
        for name in ("horizon", "sequence", "hold"):
            if not getattr(self, name) >= 1:
                raise DactylError(f"collection: {name} must be at least 1, not {getattr(self, name)}")
        if self.horizon % self.sequence:
            raise DactylError(f"collection: horizon {self.horizon} is no multiple of sequence {self.sequence}")
        if not self.stagger >= 0:
            raise DactylError(f"collection: stagger must be at least 0, not {self.stagger}")
        if not 0 <= self.led < 1:
            raise DactylError(f"collection: led must be at least 0 and less than 1, not {self.led}")
        if not 0 <= self.near_failures < 1:
            raise DactylError(f"collection: near_failures must be at least 0 and less than 1, not {self.near_failures}")


class Source(Protocol):
    """What a trainer gets its experience from."""

    @property
    def observations(self) -> Mapping[str, Tensor]:
        """What is seen now, groups (N, *shape)."""

    def collect(self) -> Rollout:
        """The next T control steps. The rollout's tensors are overwritten by the next call."""

    def means(self) -> dict[str, float]:
        """Figures for the log, of the last rollout: see `Statistics.means`."""

    def state_dict(self) -> dict[str, Any]:
        """All that later rollouts depend on, but for the networks."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken, as far as that is known."""

    def close(self) -> None:
        """Give back what it holds: nothing more will be collected."""


class Collector:
    """Runs the policy in the environments, episode after episode, from one rollout to the next."""

    def __init__(
        self,
        environment: Environment,
        networks: ActorCritic,
        config: CollectionConfig,
        generator: torch.Generator,
        teacher: Teacher | None = None,
    ) -> None:
        """Reset the environment; `generator` draws the actions, who acts, and which failures are gone back to.

        Raises:
            DactylError: by the configuration a teacher leads, and there is none.
        """
        self.environment = environment
        self.networks = networks
        self.config = config
        self.generator = generator
        n, device = environment.num_envs, environment.device
        share = config.near_failures
        self.near_failures = NearFailures(environment, n, share, generator) if share else None
        if config.led and teacher is None:
            raise DactylError("collection: led needs a teacher that the policy imitates")
        self.leading = Leading(teacher, config.led, n, generator) if teacher and config.led else None
        self.statistics = Statistics(n, device, self.near_failures.count if self.near_failures else 0)
        self.observations = environment.reset()
        self.starts = torch.ones(n, dtype=torch.bool, device=device)
        self.policy_state = networks.policy.initial_state(n)
        self.value_state = networks.value.network.initial_state(n)
        self.phase = torch.arange(n, device=device) % config.hold
        """Control steps until an environment gets new random numbers."""
        self.until_cut = (torch.arange(n, device=device) * GOLDEN % 1.0 * config.stagger).long()
        """Control steps until an environment's first episode is cut; negative after that. See `stagger`."""
        self.noise = networks.actions.noise(n, device, generator)
        self.rollout = Rollout.empty(self.observations, networks, config.horizon, config.sequence)

    @torch.no_grad()
    def collect(self) -> Rollout:
        """The next T control steps. The rollout's tensors are overwritten by the next call."""
        self.statistics.clear()
        if self.near_failures:
            self.near_failures.set_back(self._memory(), self.observations)
        for t in range(self.config.horizon):
            self._step(t)
        with self.networks.autocast():
            self.rollout.last_values[:], _ = self.networks.value.step(self.observations, self.value_state)
        return self.rollout

    def means(self) -> dict[str, float]:
        """Figures for the log, of the last rollout."""
        return self.statistics.means()

    def close(self) -> None:
        """Nothing is held."""

    def _memory(self) -> Rows:
        """What it knows of each environment, beside what the environment does."""
        return {
            "starts": self.starts,
            "policy_state": self.policy_state,
            "value_state": self.value_state,
            "previous": self.statistics.previous,
            **({"teacher_state": self.leading.state} if self.leading else {}),
        }

    def _step(self, t: int) -> None:
        if self.near_failures:
            self.near_failures.remember(self._memory())
        self._note_seen(t)
        networks, rollout = self.networks, self.rollout
        with networks.autocast():
            outputs, self.policy_state = networks.policy.step(self.observations, self.policy_state)
            rollout.values[t], self.value_state = networks.value.step(self.observations, self.value_state)
        led = self.leading.outputs(self.observations, outputs) if self.leading else outputs
        actions = networks.actions.draw(led, self._held_noise())
        rollout.actions[t] = actions
        rollout.log_probs[t] = networks.actions.log_prob(outputs, actions)
        step = self.environment.step(networks.actions.executed(actions), self._cut())
        self._note_outcome(t, step)

        self.observations = step.observations
        self.starts = step.terminated | step.truncated
        if self.near_failures:
            self.near_failures.note(self.starts & (step.reward < 0), self.starts)
        if self.leading:
            self.leading.forget(self.starts)
        self.policy_state = self.policy_state.masked_fill(self.starts.unsqueeze(-1), 0.0)
        self.value_state = self.value_state.masked_fill(self.starts.unsqueeze(-1), 0.0)

    def _note_seen(self, t: int) -> None:
        """What is known before the action."""
        rollout, sequence = self.rollout, self.config.sequence
        if t % sequence == 0:
            rollout.policy_states[t // sequence] = self.policy_state
            rollout.value_states[t // sequence] = self.value_state
        for name, seen in self.observations.items():
            rollout.observations[name][t] = seen
        rollout.starts[t] = self.starts

    def _note_outcome(self, t: int, step: Step) -> None:
        self.rollout.rewards[t] = step.reward
        self.rollout.terminated[t] = step.terminated
        self.rollout.truncated[t] = step.truncated
        self._value_truncated(t, step)
        self.statistics.add(step)

    def _cut(self) -> Tensor | None:
        """(N,) which first episodes end with this step so that later ones do not all end together."""
        if not self.config.stagger:
            return None
        self.until_cut = self.until_cut - 1
        return self.until_cut == -1

    def _held_noise(self) -> Tensor:
        """Random numbers that each environment keeps for `hold` control steps, not all renewing them at once."""
        fresh = self.networks.actions.noise(len(self.noise), self.noise.device, self.generator)
        renewed = (self.phase == 0).view(-1, *[1] * (fresh.dim() - 1))
        self.noise = torch.where(renewed, fresh, self.noise)
        self.phase = (self.phase - 1) % self.config.hold
        return self.noise

    def _value_truncated(self, t: int, step: Step) -> None:
        """Predict what would have followed where an episode was cut; on a GPU everywhere, to stay clear of the CPU."""
        cut = step.truncated.nonzero().squeeze(-1) if step.truncated.is_cpu else slice(None)
        with self.networks.autocast():
            values, _ = self.networks.value.step({"value": step.final_value_observations[cut]}, self.value_state[cut])
        self.rollout.final_values[t, cut] = values

    def state_dict(self) -> dict[str, Any]:
        """All that later rollouts depend on, but for the networks."""
        return {
            "observations": dict(self.observations),
            "starts": self.starts,
            "policy_state": self.policy_state,
            "value_state": self.value_state,
            "noise": self.noise,
            "phase": self.phase,
            **({"until_cut": self.until_cut} if self.config.stagger else {}),
            "previous": self.statistics.previous,
            "generator": self.generator.get_state(),
            "environment": self.environment.state_dict(),
            **({"near_failures": self.near_failures.state_dict()} if self.near_failures else {}),
            **({"leading": (self.leading.state, self.leading.leads)} if self.leading else {}),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where `state_dict` was taken."""
        device = self.environment.device
        self.observations = {name: tensor.to(device) for name, tensor in state["observations"].items()}
        self.starts = state["starts"].to(device)
        self.policy_state = state["policy_state"].to(device)
        self.value_state = state["value_state"].to(device)
        self.noise = state["noise"].to(device)
        self.phase = state["phase"].to(device) % self.config.hold
        if "until_cut" in state:
            self.until_cut = state["until_cut"].to(device)
        self.statistics.previous = state["previous"].to(device)
        self.generator.set_state(state["generator"].cpu())
        self.environment.load_state_dict(state["environment"])
        if self.near_failures and "near_failures" in state:
            self.near_failures.load_state_dict(state["near_failures"])
        if self.leading and "leading" in state:
            self.leading.state, self.leading.leads = (part.to(device) for part in state["leading"])
