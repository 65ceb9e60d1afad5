"""Proximal policy optimization of the recurrent networks (appendices A.3 and D.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

import torch
from torch import Tensor

from dactyl.errors import DactylError
from dactyl.learning.algorithms import gae
from dactyl.learning.batch import Batch, Experience
from dactyl.learning.models.actor_critic import ActorCritic
from dactyl.learning.process_group import ALONE, ProcessGroup
from dactyl.learning.rollout import Rollout

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
    value_learning_rate: float | None = None
    """Of the value network; None: the same."""
    minibatch: int = 25_600
    """Transitions in one gradient step."""
    minibatches: int = 60
    """Gradient steps per iteration."""
    max_grad_norm: float | None = 1.0
    """Longer gradients are scaled down to it, each network by itself. None: never, the paper mentions no limit."""
    kl_limit: float | None = 0.1
    """Once the policy has moved this far (nats) from the one that collected, it rests until the next iteration. None:
    it never rests, as in the paper."""
    bounds: float = 0.0
    """Weight in the loss of how far actions that are numbers lie beyond [-1, 1] on average, squared."""
    bootstrap: bool = True
    """Where an episode was cut, by the clock or by its last goal, count what would have followed. The paper mentions no
    such thing: without it nothing follows, as after a loss."""
    kl_target: float | None = None
    """Where given, the policy's learning rate follows it after every iteration: down when its gradient steps found more
    than twice as much on average, up when less than half."""

    def __post_init__(self) -> None:
        if not (0 < self.gamma < 1 and 0 <= self.lam <= 1):
            raise DactylError(f"ppo: gamma and lam must be between 0 and 1, not {self.gamma} and {self.lam}")
        for name in ("clip", "learning_rate", "value_learning_rate", "max_grad_norm", "kl_limit", "kl_target"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise DactylError(f"ppo: {name} must be positive, not {value}")
        for name in ("minibatch", "minibatches"):
            if not getattr(self, name) >= 1:
                raise DactylError(f"ppo: {name} must be at least 1, not {getattr(self, name)}")
        for name in ("entropy", "bounds"):
            if not getattr(self, name) >= 0:
                raise DactylError(f"ppo: {name} cannot be negative")

    @property
    def value_rate(self) -> float:
        """Adam's learning rate of the value network."""
        return self.learning_rate if self.value_learning_rate is None else self.value_learning_rate


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
        networks: ActorCritic,
        config: PPOConfig,
        generator: torch.Generator,
        processes: ProcessGroup = ALONE,
    ) -> None:
        """Set up the optimizers.

        Args:
            networks: are improved.
            config: hyperparameters, which count all processes together.
            generator: shuffles.
            processes: each improves its copy of the networks by the same steps.
        """
        self.processes = processes
        self.networks = networks
        self.policy = networks.policy
        self.value = networks.value
        self.config = config
        self.generator = generator
        fused = networks.device.type == "cuda"
        self.policy_optimizer = torch.optim.Adam(self.policy.parameters(), config.learning_rate, fused=fused)
        self.value_optimizer = torch.optim.Adam(self.value.parameters(), config.value_rate, fused=fused)

    def update(self, rollout: Rollout) -> dict[str, float]:
        """One iteration of gradient steps, then of the normalizers' statistics. Returns figures for the log."""
        advantages = gae.advantages(rollout, self.config.gamma, self.config.lam, bootstrap=self.config.bootstrap)
        experience = Experience(rollout, advantages, advantages + rollout.values)
        self.value.observe(experience.returns, self.processes)
        figures = self._descend_all(experience)
        for network in (self.policy, self.value.network):
            network.normalizer.update(rollout.observations[network.group], self.processes)
        names = dict.fromkeys(name for f in figures for name in f)
        means = {name: torch.stack([f[name] for f in figures if name in f]).mean() for name in names}
        means["explained_variance"] = 1.0 - advantages.var() / experience.returns.var()
        means["return"] = experience.returns.mean()
        values = self.processes.means(dict(zip(means, torch.stack(list(means.values())).tolist(), strict=True)))
        self._adapt_rate(values["kl"])
        values["learning_rate"] = self.policy_optimizer.param_groups[0]["lr"]
        values["policy_steps"] = sum("policy_loss" in f for f in figures)
        return values

    def _descend_all(self, experience: Experience) -> list[dict[str, Tensor]]:
        """An iteration's gradient steps, and the figures of each."""
        size = self.config.minibatch // (experience.rollout.sequence * self.processes.size)
        figures: list[dict[str, Tensor]] = []
        policy_rests = False
        for batch in experience.minibatches(self.config.minibatches, size, self.generator):
            update, policy_rests = self._step(batch, policy_rests)
            figures.append(update)
        return figures

    def _step(self, batch: Batch, policy_rests: bool) -> tuple[dict[str, Tensor], bool]:
        """One gradient step of both networks, and whether the policy rests from now on: it has moved too far.

        Processes wait for each other once, with the gradients of both.
        """
        value_loss = self._pull_value(batch)
        figures = {} if policy_rests else self._pull_policy(batch)
        kl = self.processes.average_gradients(self._pulled(policy_rests), figures.get("kl", value_loss))
        if not policy_rests:
            policy_rests = self.is_too_far(kl)
            figures = {"kl": kl} if policy_rests else {**figures, "kl": kl}
        if "policy_loss" in figures:
            figures["policy_grad_norm"] = self._descend(self.policy_optimizer)
        norm = self._descend(self.value_optimizer)
        return {"value_loss": value_loss, "value_grad_norm": norm, **figures}, policy_rests

    def _pull_value(self, batch: Batch) -> Tensor:
        """The value network's gradients, and its loss."""
        with self.networks.autocast():
            loss = self.value.loss(batch.observations, batch.value_states, batch.starts, batch.returns)
        self.value_optimizer.zero_grad()
        loss.backward()
        return loss.detach()

    def _pull_policy(self, batch: Batch) -> dict[str, Tensor]:
        """The policy's gradients, and figures; "kl" is how far it has moved."""
        with self.networks.autocast():
            outputs = self.policy.sequence(batch.observations, batch.policy_states, batch.starts)
        log_probs = self.networks.actions.log_prob(outputs, batch.actions)
        loss, figures = self.loss(batch, outputs, log_probs)
        self.policy_optimizer.zero_grad()
        loss.backward()
        log_probs = log_probs.detach()
        clipped = ((log_probs - batch.log_probs).exp() - 1.0).abs() > self.config.clip
        return {**figures, "kl": kl_estimate(log_probs, batch.log_probs), "clipped": clipped.float().mean()}

    def _pulled(self, policy_rests: bool) -> Iterator[Tensor]:
        """Parameters that have new gradients."""
        yield from self.value.parameters()
        if not policy_rests:
            yield from self.policy.parameters()

    def is_too_far(self, kl: Tensor) -> bool:
        """Whether a policy that moved this far, a scalar, shall rest until the next iteration."""
        return not kl.item() <= (inf if self.config.kl_limit is None else self.config.kl_limit)

    def loss(self, batch: Batch, outputs: Tensor, log_probs: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """What a gradient step of the policy makes smaller, a scalar, and figures for the log.

        Args:
            batch: what was done.
            outputs: (L, B, outputs) of the policy as it is now.
            log_probs: (L, B) of what was done, by these.
        """
        advantages = (batch.advantages - batch.advantages.mean()) / (batch.advantages.std() + 1e-8)
        entropy = self.networks.actions.entropy(outputs).mean()
        loss = policy_loss(log_probs, batch.log_probs, advantages, self.config.clip)
        figures = {"policy_loss": loss.detach(), "entropy": entropy.detach()}
        loss = loss - self.config.entropy * entropy
        if self.config.bounds:
            loss = loss + self.config.bounds * self.networks.actions.beyond(outputs).mean()
        return loss, figures

    def _descend(self, optimizer: torch.optim.Optimizer) -> Tensor:
        """A step along the gradients; returns how large they were."""
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        most = inf if self.config.max_grad_norm is None else self.config.max_grad_norm
        norm = torch.nn.utils.clip_grad_norm_(parameters, most)
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
        """Networks and optimizers."""
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
        self.value_optimizer.param_groups[0]["lr"] = self.config.value_rate
