"""The training loop: collect, improve, log, checkpoint; stopping and going on without losing anything."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from dactyl.errors import DactylError
from dactyl.learning import checkpoint
from dactyl.learning.algorithms.ppo import PPO
from dactyl.learning.collector import Collector, Environment, Rollout
from dactyl.learning.config import TrainingConfig
from dactyl.learning.models.recurrent import Network
from dactyl.learning.models.value import Value
from dactyl.learning.policy import Contract, Policy
from dactyl.learning.progress import Progress, simulated_years
from dactyl.learning.team import ALONE, Team
from dactyl.robot.control import CONTROL_PERIOD

MEMBERS_APART = 1000  # between the seeds of two members of a team
SMOOTHING = 0.95  # weight of the past in the successes per episode: about 20 iterations

EnvironmentFactory = Callable[[Any, int], Environment]
"""Makes the environment of a stage from its configuration and a seed."""


class Trainer:
    """Trains a policy in one or more environments, one stage after the other."""

    def __init__(
        self,
        config: TrainingConfig,
        make_environment: EnvironmentFactory,
        contract: Contract,
        out: Path,
        resume: Path | None = None,
        team: Team = ALONE,
    ) -> None:
        """Set everything up for the first iteration, or as a checkpoint left it.

        Args:
            config: the preset.
            make_environment: called for each stage.
            contract: of the policy files.
            out: folder for checkpoints and logs.
            resume: a checkpoint, or the folder of a training, to continue from.
            team: of the processes that share the work; each makes its part of the worlds.
        """
        self.team = team
        self.config = config
        self.make_environment = make_environment
        self.out = out
        self.steps = 0
        self.seconds = 0.0
        self.stage = 0
        self.episodes = 0.0
        self.successes = 0.0
        torch.manual_seed(config.seed)
        state = None if resume is None else self._read(checkpoint.resolve(resume), contract)
        if state is not None:
            self.stage = state["stage"]
        environment = self._make_environment()
        self.device = environment.device
        self.generator = torch.Generator(self.device).manual_seed(config.seed + MEMBERS_APART * team.rank)
        self.policy = Policy(contract)
        self.policy.network.to(self.device)
        self.teacher = None if config.teacher is None else self._load_teacher(Path(config.teacher))
        self.value = Value(environment.observation_sizes["value"], config.value).to(self.device)
        self._enter_stage(environment)
        if state is not None:
            self._restore(state)
            return
        # some idea of the inputs' scales before the first rollout
        self.policy.network.normalizer.update(self.collector.observations["policy"], team)
        self.value.network.normalizer.update(self.collector.observations["value"], team)
        if config.initial is not None:
            self._begin_with(Path(config.initial))

    # --------------------------------------------------------------------------------------------------- stages

    def _make_environment(self) -> Environment:
        seed = self.config.seed + self.stage + MEMBERS_APART * self.team.rank
        return self.make_environment(self.config.stages[self.stage].environment, seed)

    def _enter_stage(self, environment: Environment) -> None:
        """Go on with the same networks in another environment."""
        config, stage = self.config, self.config.stages[self.stage]
        networks = self.policy.network, self.value
        ppo = stage.ppo
        self.collector = Collector(
            environment, *networks, config.horizon, ppo.sequence, self.generator, ppo.bf16, ppo.hold, ppo.rehearsal
        )
        self.ppo = PPO(*networks, stage.ppo, self.generator, self.team, self.teacher)

    def _stage_is_over(self) -> bool:
        stage = self.config.stages[self.stage]
        return self.stage + 1 < len(self.config.stages) and (
            (stage.until_successes is not None and self._mean_successes() >= stage.until_successes)
            or (stage.until_steps is not None and self.steps >= stage.until_steps)
        )

    def _mean_successes(self) -> float:
        return self.successes / max(self.episodes, 1.0)

    # ----------------------------------------------------------------------------------------------------- loop

    def run(self, minutes: float = float("inf")) -> dict[str, Any]:
        """Train until the preset's steps, the minutes or a signal end it, and checkpoint.

        Returns:
            ended (done, SIGINT or SIGTERM), steps, simulated_years, hours, stage, successes (goals per training
            episode, mean over the last 20 iterations), checkpoint (its folder).

        Raises:
            DactylError: numbers stopped being finite; the last checkpoint is from before that.
        """
        progress = Progress(self.out, self.steps) if self.team.leads else None
        began, saved = time.monotonic(), time.monotonic()
        try:
            with signals() as received:
                while self.steps < self.config.total_steps:
                    if self.team.any(bool(received) or time.monotonic() - began >= 60.0 * minutes):
                        break
                    row = self.iterate()
                    if progress:
                        left = (self.config.total_steps - self.steps) / row["steps_per_s"]
                        progress.add(row, max(0.0, min(left, began + 60.0 * minutes - time.monotonic())))
                    if self._stage_is_over():
                        self._next_stage(progress)
                    if self.team.any(time.monotonic() - saved >= 60.0 * self.config.checkpoint_minutes):
                        saved = time.monotonic()
                        self._try_to_save(progress)
            path = self.save()
        finally:
            if progress:
                progress.close()
        return {
            "ended": received[0] if received else "done",
            "steps": self.steps,
            "simulated_years": simulated_years(self.steps),
            "hours": self.seconds / 3600.0,
            "stage": self.stage + 1,
            "successes": self._mean_successes(),
            "checkpoint": str(path),
        }

    def _next_stage(self, progress: Progress | None) -> None:
        self.stage += 1
        if progress:
            progress.say(f"stage {self.stage + 1} of {len(self.config.stages)} after {self.steps:,} steps")
        state = self.ppo.state_dict()
        self._enter_stage(self._make_environment())
        self.ppo.load_state_dict(state)
        self.episodes = self.successes = 0.0

    def iterate(self) -> dict[str, float]:
        """One rollout and one update; returns figures for the log."""
        start = time.monotonic()
        rollout = self.collector.collect()
        self._check_rollout(rollout)
        collected = time.monotonic()
        figures = self.ppo.update(rollout)
        self._check_networks()
        seconds = time.monotonic() - start
        steps = rollout.rewards.numel() * self.team.size
        self.steps += steps
        self.seconds += seconds
        means = self.team.means(self.collector.statistics.means())
        self.episodes = SMOOTHING * self.episodes + means["episodes"] * steps
        self.successes = SMOOTHING * self.successes + means.pop("successes") * steps
        per_minute = 60.0 / CONTROL_PERIOD
        return {
            "steps": self.steps,
            "years": simulated_years(self.steps),
            "hours": self.seconds / 3600.0,
            "steps_per_s": steps / seconds,
            "collecting": (collected - start) / seconds,
            "stage": self.stage + 1,
            "successes": self._mean_successes(),
            "goals_per_minute": means.pop("goals") * per_minute,
            "episodes_per_minute": means.pop("episodes") * per_minute,
            "terminated_per_minute": means.pop("terminated") * per_minute,
            **means,
            **figures,
        }

    def _check_rollout(self, rollout: Rollout) -> None:
        parts = ("rewards", "policy_observations", "value_observations", "values", "last_values")
        finite = torch.stack([torch.isfinite(getattr(rollout, part)).all() for part in parts])
        bad = [part for part, good in zip(parts, self.team.mean(finite.float()).tolist(), strict=True) if good < 1.0]
        if bad:
            self._diverged(", ".join(bad))

    def _check_networks(self) -> None:
        tensors = [*self.policy.network.state_dict().values(), *self.value.state_dict().values()]
        if not bool(torch.stack([torch.isfinite(tensor).all() for tensor in tensors]).all()):
            self._diverged("the networks' weights")

    def _diverged(self, what: str) -> None:
        found = checkpoint.find(self.out)
        last = f"the last good checkpoint is {found[-1]}" if found else "there is no checkpoint yet"
        raise DactylError(f"training stopped after {self.steps:,} steps: {what} not finite; {last}")

    # ---------------------------------------------------------------------------------------------- checkpoints

    def save(self) -> Path:
        """Write a checkpoint, if this process leads; DactylError if that fails."""
        collectors = self.team.gather(self.collector.state_dict())
        path = checkpoint.path(self.out, self.steps)
        if not self.team.leads:
            return path
        trained = {
            **self.policy.contract.trained,
            "steps": self.steps,
            "simulated_years": round(simulated_years(self.steps), 4),
            "hours": round(self.seconds / 3600.0, 3),
            "successes_per_training_episode": round(self._mean_successes(), 3),
        }
        self.policy.contract = replace(self.policy.contract, trained=trained)
        training = {
            "fixed": self._fixed(self.policy.contract),
            "steps": self.steps,
            "seconds": self.seconds,
            "stage": self.stage,
            "episodes": self.episodes,
            "successes": self.successes,
            "ppo": self.ppo.state_dict(),
            "collectors": collectors,
        }
        checkpoint.save(path, self.policy, self.value.state_dict(), training)
        return path

    def _try_to_save(self, progress: Progress | None) -> None:
        """A full disk now may have room later: keep training."""
        try:
            self.save()
        except DactylError as error:
            if progress:
                progress.say(f"warning: {error}")

    def _fixed(self, contract: Contract) -> dict[str, Any]:
        """What cannot change between a checkpoint and its continuation, as plain values."""
        return {
            "num_envs": self.config.num_envs,
            "workers": self.team.size,
            "policy": str(asdict(contract.architecture)),
            "value": str(asdict(self.config.value)),
            "observation": str(contract.observation),
            "object": contract.object,
        }

    def _read(self, path: Path, contract: Contract) -> dict[str, Any]:
        """A checkpoint's state, if it belongs to this preset."""
        state = checkpoint.load_training(path)
        for name, expected in self._fixed(contract).items():
            if (found := state.get("fixed", {}).get(name)) != expected:
                raise DactylError(f"cannot resume from {path}: it has {name} {found}, the preset {expected}")
        if not 0 <= state["stage"] < len(self.config.stages):
            raise DactylError(f"cannot resume from {path}: it is in stage {state['stage'] + 1}, which the preset lacks")
        return state

    def _restore(self, state: dict[str, Any]) -> None:
        self.steps, self.seconds = state["steps"], state["seconds"]
        self.episodes, self.successes = state["episodes"], state["successes"]
        self.ppo.load_state_dict(state["ppo"])
        self.collector.load_state_dict(state["collectors"][self.team.rank])

    def _load_teacher(self, path: Path) -> Network:
        """The teacher's network, if it fits the task."""
        teacher = Policy.load(checkpoint.find_policy(path), self.policy.contract.object, self.device)
        self._check_actions(path, teacher.contract)
        for stage in self.config.stages:
            if tuple(term for term, _ in teacher.contract.observation) != stage.environment.value_terms:
                raise DactylError(f"environment.value_terms must be what the teacher {path} sees")
        if teacher.network.lstm is not None:
            raise DactylError(f"the teacher {path} has a memory: only a feed-forward one can be imitated")
        return teacher.network

    def _check_actions(self, path: Path, contract: Contract) -> None:
        """Refuse a policy to whom the same bins mean something else."""
        for name in ("action_origin", "action_scale", "smoothing"):
            ours, theirs = getattr(self.policy.contract, name), getattr(contract, name)
            if ours != theirs:
                raise DactylError(f"{path} acts with {name} {theirs}, this preset with {ours}")

    def _begin_with(self, path: Path) -> None:
        """Take the networks of a checkpoint of this or another task, or a policy alone."""
        path = path if (path / checkpoint.POLICY).is_file() else checkpoint.resolve(path)
        try:
            begun = Policy.load(path / checkpoint.POLICY)
            self._check_actions(path, begun.contract)
            seen = begun.contract.observation
            if seen != self.policy.contract.observation[: len(seen)]:
                raise DactylError(f"cannot begin with {path}: it sees something else than the preset's policy")
            self.policy.network.load_narrower(begun.network.state_dict())
            if (path / checkpoint.VALUE).exists():
                self.value.load_state_dict(checkpoint.load_value(path))
        except RuntimeError as error:
            raise DactylError(f"cannot begin with {path}: its networks have other sizes than the preset's") from error


@contextmanager
def signals() -> Iterator[list[str]]:
    """Collects the name of a SIGINT or SIGTERM instead of dying of it; a second one kills as usual."""
    received: list[str] = []
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, _: Any) -> None:
        received.append(signal.Signals(number).name)
        signal.signal(number, previous[signal.Signals(number)])

    for number in previous:
        signal.signal(number, handle)
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
