"""Proximal policy optimization of the recurrent networks (appendices A.3 and D.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dactyl.errors import DactylError
from dactyl.learning import actions as distribution
from dactyl.learning.algorithms import gae
from dactyl.learning.collector import Rollout
from dactyl.learning.models.recurrent import Network
from dactyl.learning.models.value import Value
from dactyl.learning.team import ALONE, Team

ADAPTIVE_RATE = (1e-5, 1e-3)  # bounds of the learning rate where it follows the KL divergence


@dataclass(frozen=True)
class PPOConfig:
    """Hyperparameters; the defaults are the paper's (Table 10) where it has them."""

    gamma: float = 0.998
    """Discount factor."""
    lam: float = 0.95
    """GAE's lambda."""
    clip: float = 0.2
    """How far a probability ratio may move before it stops paying."""
    entropy: float = 0.01
    """Reward per nat of entropy."""
    learning_rate: float = 3e-4
    """Adam's."""
    sequence: int = 10
    """Control steps that gradients flow back through the LSTM."""
    minibatch: int = 25_600
    """Transitions in one gradient step."""
    minibatches: int = 60
    """Gradient steps per iteration."""
    max_grad_norm: float = 1.0
    """Longer gradients are scaled down to it, each network by itself."""
    kl_limit: float = 0.1
    """Once the policy has moved this far (nats) from the one that collected, it rests until the next iteration."""
    kl_target: float | None = None
    """Where given, the policy's learning rate follows it after every iteration: down when its gradient steps found more
    than twice as much on average, up when less than half."""
    hold: int = 1
    """Control steps for which a world keeps the random numbers its actions are drawn with. Each action still has the
    policy's probabilities, but a motion tried is tried for so long, and smoothing does not average it out."""
    rehearsal: float = 0.0
    """Share of the worlds that are set back, before every rollout, to shortly before an episode ended with a loss."""
    imitation: float = 0.0
    """Weight of the KL divergence from the teacher to the policy in the loss; PPO's own has the rest, at 1 none."""
    bf16: bool = False
    """Multiply matrices in bfloat16 (GPU only); probabilities, values and losses stay in float32."""

    def __post_init__(self) -> None:
        if not (0 < self.gamma < 1 and 0 <= self.lam <= 1):
            raise DactylError(f"ppo: gamma and lam must be between 0 and 1, not {self.gamma} and {self.lam}")
        for name in ("clip", "learning_rate", "max_grad_norm", "kl_limit"):
            if not getattr(self, name) > 0:
                raise DactylError(f"ppo: {name} must be positive, not {getattr(self, name)}")
        for name in ("sequence", "minibatch", "minibatches", "hold"):
            if not getattr(self, name) >= 1:
                raise DactylError(f"ppo: {name} must be at least 1, not {getattr(self, name)}")
        if self.minibatch % self.sequence:
            raise DactylError(f"ppo: minibatch {self.minibatch} is no multiple of sequence {self.sequence}")
        if not (self.entropy >= 0 and (self.kl_target is None or self.kl_target > 0)):
            raise DactylError("ppo: entropy and kl_target cannot be negative")
        if not 0 <= self.rehearsal < 1:
            raise DactylError(f"ppo: rehearsal must be at least 0 and less than 1, not {self.rehearsal}")
        if not 0 <= self.imitation <= 1:
            raise DactylError(f"ppo: imitation must be between 0 and 1, not {self.imitation}")


def policy_loss(log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, clip: float) -> Tensor:
    """The negative clipped objective of appendix A.3, a scalar."""
    ratio = (log_probs - old_log_probs).exp()
    return -torch.minimum(ratio * advantages, ratio.clamp(1.0 - clip, 1.0 + clip) * advantages).mean()


def kl_estimate(log_probs: Tensor, old_log_probs: Tensor) -> Tensor:
    """KL divergence of the new policy from the old one, from the old one's samples; never negative, a scalar."""
    difference = log_probs - old_log_probs
    return (difference.exp() - 1.0 - difference).mean()


class PPO:
    """Improves a policy and a value network, one rollout at a time."""

    def __init__(
        self,
        policy: Network,
        value: Value,
        config: PPOConfig,
        generator: torch.Generator,
        team: Team = ALONE,
        teacher: Network | None = None,
    ) -> None:
        """Set up the optimizers.

        Args:
            policy: acts and is improved.
            value: is improved.
            config: hyperparameters, which count all members of the team together.
            generator: shuffles.
            team: every member improves its copy of the networks by the same steps.
            teacher: whom to imitate, without memory, sees what the value network sees.
        """
        if config.imitation and teacher is None:
            raise DactylError(f"ppo: imitation {config.imitation:g} needs a teacher")
        self.teacher = teacher
        if config.minibatch % (config.sequence * team.size):
            raise DactylError(f"ppo: minibatch {config.minibatch} cannot be shared by {team.size} processes")
        self.team = team
        self.policy = policy
        self.value = value
        self.config = config
        self.generator = generator
        fused = next(policy.parameters()).is_cuda
        self.policy_optimizer = torch.optim.Adam(policy.parameters(), config.learning_rate, fused=fused)
        self.value_optimizer = torch.optim.Adam(value.parameters(), config.learning_rate, fused=fused)

    def update(self, rollout: Rollout) -> dict[str, float]:
        """One iteration of gradient steps, then of the normalizers' statistics. Returns figures for the log."""
        advantages = gae.advantages(
            rollout.rewards,
            rollout.values,
            rollout.last_values,
            rollout.terminated,
            rollout.truncated,
            rollout.final_values,
            self.config.gamma,
            self.config.lam,
        )
        returns = advantages + rollout.values
        self.value.observe(returns, self.team)
        figures: list[dict[str, Tensor]] = []
        policy_rests = False
        for chunks in self._minibatches(rollout):
            figures.append(self._value_step(rollout, returns, chunks))
            if not policy_rests:
                update, policy_rests = self._policy_step(rollout, advantages, chunks)
                figures[-1].update(update)
        self.policy.normalizer.update(rollout.policy_observations, self.team)
        self.value.network.normalizer.update(rollout.value_observations, self.team)
        names = dict.fromkeys(name for f in figures for name in f)
        means = {name: torch.stack([f[name] for f in figures if name in f]).mean() for name in names}
        means["explained_variance"] = 1.0 - advantages.var() / returns.var()
        means["return"] = returns.mean()
        values = self.team.means(dict(zip(means, torch.stack(list(means.values())).tolist(), strict=True)))
        self._adapt_rate(values["kl"])
        values["learning_rate"] = self.policy_optimizer.param_groups[0]["lr"]
        values["policy_steps"] = sum("policy_loss" in f for f in figures)
        return values

    def _minibatches(self, rollout: Rollout) -> Iterator[tuple[Tensor, Tensor]]:
        """Random sequences without repetition until all were used, then again: (index in time, world) each."""
        sequences, worlds = rollout.policy_states.shape[:2]
        size = min(self.config.minibatch // (self.config.sequence * self.team.size), sequences * worlds)
        order = torch.empty(0, dtype=torch.int64, device=rollout.rewards.device)
        for _ in range(self.config.minibatches):
            if len(order) < size:
                order = torch.randperm(sequences * worlds, generator=self.generator, device=order.device)
            chosen, order = order[:size], order[size:]
            yield chosen // worlds, chosen % worlds

    def _sequences(self, x: Tensor, chunks: tuple[Tensor, Tensor]) -> Tensor:
        """The chosen sequences of x (T, N, …) as (L, batch, …)."""
        return x.unflatten(0, (-1, self.config.sequence))[chunks[0], :, chunks[1]].transpose(0, 1)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.generator.device.type, torch.bfloat16, enabled=self.config.bf16)

    def _value_step(self, rollout: Rollout, returns: Tensor, chunks: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        with self._autocast():
            loss = self.value.loss(
                self._sequences(rollout.value_observations, chunks),
                rollout.value_states[chunks],
                self._sequences(rollout.starts, chunks),
                self._sequences(returns, chunks),
            )
        norm = self._descend(loss, self.value_optimizer)
        return {"value_loss": loss.detach(), "value_grad_norm": norm}

    def _policy_step(
        self, rollout: Rollout, all_advantages: Tensor, chunks: tuple[Tensor, Tensor]
    ) -> tuple[dict[str, Tensor], bool]:
        """One gradient step of the policy, left out if the policy has moved too far; that is the second result."""
        config = self.config
        bins = self._sequences(rollout.bins, chunks)
        with self._autocast():
            logits = self.policy.sequence(
                self._sequences(rollout.policy_observations, chunks),
                rollout.policy_states[chunks],
                self._sequences(rollout.starts, chunks),
            ).unflatten(-1, (bins.shape[-1], -1))
        log_probs = distribution.log_prob(logits, bins)
        old_log_probs = self._sequences(rollout.log_probs, chunks)
        kl = self.team.mean(kl_estimate(log_probs.detach(), old_log_probs))
        if too_far := config.imitation < 1.0 and not kl.item() <= config.kl_limit:
            return {"kl": kl}, too_far
        advantages = self._sequences(all_advantages, chunks)
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        entropy = distribution.entropy(logits).mean()
        loss = policy_loss(log_probs, old_log_probs, advantages, config.clip)
        total = loss - config.entropy * entropy
        more = {}
        if config.imitation:
            divergence = self._divergence_from_teacher(logits, rollout, chunks)
            total = (1.0 - config.imitation) * total + config.imitation * divergence
            more["imitation_kl"] = divergence.detach()
        norm = self._descend(total, self.policy_optimizer)
        clipped = ((log_probs.detach() - old_log_probs).exp() - 1.0).abs() > config.clip
        return {
            "policy_loss": loss.detach(),
            "policy_grad_norm": norm,
            "entropy": entropy.detach(),
            "kl": kl,
            "clipped": clipped.float().mean(),
            **more,
        }, too_far

    def _divergence_from_teacher(self, logits: Tensor, rollout: Rollout, chunks: tuple[Tensor, Tensor]) -> Tensor:
        assert self.teacher is not None
        seen = self._sequences(rollout.value_observations, chunks)
        with torch.no_grad():
            state = self.teacher.initial_state(seen.shape[1])
            target = self.teacher.sequence(seen, state, self._sequences(rollout.starts, chunks)).view_as(logits)
        return distribution.divergence(target, logits).mean()

    def _descend(self, loss: Tensor, optimizer: torch.optim.Optimizer) -> Tensor:
        optimizer.zero_grad()
        loss.backward()
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self.team.average_gradients(parameters)
        norm = torch.nn.utils.clip_grad_norm_(parameters, self.config.max_grad_norm)
        optimizer.step()
        return norm

    def _adapt_rate(self, kl: float) -> None:
        if self.config.kl_target is None:
            return
        low, high = ADAPTIVE_RATE
        for group in self.policy_optimizer.param_groups:
            if kl > 2.0 * self.config.kl_target:
                group["lr"] = max(low, group["lr"] / 1.5)
            elif kl < 0.5 * self.config.kl_target:
                group["lr"] = min(high, group["lr"] * 1.5)

    def state_dict(self) -> dict[str, Any]:
        return {
            "value": self.value.state_dict(),
            "policy": self.policy.state_dict(),
            "policy_optimizer": self.policy_optimizer.state_dict(),
            "value_optimizer": self.value_optimizer.state_dict(),
            "learning_rate": self.config.learning_rate,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Adam's moments too; the learning rate is the configuration's, unless the same one had adapted before."""
        self.policy.load_state_dict(state["policy"])
        self.value.load_state_dict(state["value"])
        self.policy_optimizer.load_state_dict(state["policy_optimizer"])
        self.value_optimizer.load_state_dict(state["value_optimizer"])
        rate = self.config.learning_rate
        if self.config.kl_target is None or state.get("learning_rate") != rate:
            self.policy_optimizer.param_groups[0]["lr"] = rate
        self.value_optimizer.param_groups[0]["lr"] = rate
