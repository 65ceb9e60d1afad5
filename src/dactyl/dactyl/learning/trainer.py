"""The training loop: collect, improve, log, checkpoint; stopping and going on without losing anything."""

from __future__ import annotations

import math
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO, cast

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from dactyl.environment import task as tasks
from dactyl.errors import DactylError
from dactyl.learning import checkpoint
from dactyl.learning.actions import DEVIATION
from dactyl.learning.algorithms.demonstrated import Demonstrated
from dactyl.learning.algorithms.distillation import Distillation
from dactyl.learning.algorithms.ppo import PPO
from dactyl.learning.algorithms.relative_teacher import RelativeTeacher
from dactyl.learning.algorithms.teacher import PostureTeacher, Specialists, Teacher
from dactyl.learning.collector import CollectionConfig, Collector, Source
from dactyl.learning.config import TrainingConfig
from dactyl.learning.models.actor_critic import ActorCritic
from dactyl.learning.models.recurrent import Network
from dactyl.learning.models.value import Value
from dactyl.learning.policy import Contract, Policy, described, sizes
from dactyl.learning.process_group import ALONE, ProcessGroup
from dactyl.learning.progress import Progress, years
from dactyl.learning.rollout import Rollout
from dactyl.learning.shown import Shown, by_script
from dactyl.robot import robot as robots
from dactyl.robot.control import TORQUE

RANKS_APART = 1000  # between the seeds of two processes
SMOOTHING = 0.95  # weight of the past in the successes per episode: about 20 iterations

EnvironmentFactory = Callable[[Any, int], Any]
"""Makes the environment of a stage from its configuration and a seed."""
CollectorFactory = Callable[[Any, ActorCritic, CollectionConfig, torch.Generator], Source]
"""Makes what the trainer gets its experience from, from an environment, networks and a source of random numbers."""


class Trainer:
    """Trains a policy in one or more environments, one stage after the other."""

    def __init__(
        self,
        config: TrainingConfig,
        make_environment: EnvironmentFactory,
        contract: Contract,
        out: Path,
        resume: Path | None = None,
        processes: ProcessGroup = ALONE,
        collect_with: CollectorFactory = Collector,
    ) -> None:
        """Set everything up for the first iteration, or as a checkpoint left it.

        Args:
            config: the preset.
            make_environment: called for each stage.
            contract: of the policy files.
            out: folder for checkpoints and logs.
            resume: a checkpoint, or the folder of a training, to continue from.
            processes: that share the work; each makes its part of the environments.
            collect_with: what the policy acts in the environments with.
        """
        self.processes = processes
        self.config = config
        self.make_environment = make_environment
        self.collect_with = collect_with
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
        seed = config.seed + RANKS_APART * processes.rank
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.shuffler = torch.Generator(self.device).manual_seed(seed + RANKS_APART // 2)
        self.policy = Policy(contract)
        self.network = self.policy.trainable.to(self.device)
        if config.deviation is not None:
            self._spread(config.deviation)
        self.shown: Shown | None = None
        self.teacher = self._teacher()
        shapes = environment.observation_shapes
        check_images(config.policy.images, shapes)
        self.value = Value(shapes["value"][0], config.value).to(self.device)
        self.average = self._average()
        self._enter_stage(environment)
        if state is not None:
            self._restore(state)
            return
        # some idea of the inputs' scales before the first rollout
        for network in (self.network, self.value.network):
            network.normalizer.update(self.collector.observations[network.group], processes)
        if config.initial is not None:
            self._begin_with(Path(config.initial))
        elif config.specialists:
            self._begin_with(*map(Path, config.specialists.values()))

    def _average(self) -> AveragedModel | None:
        """Of the policy network over iterations, for its file."""
        weight = self.config.averaging
        return AveragedModel(self.network, multi_avg_fn=get_ema_multi_avg_fn(weight)) if weight else None

    @torch.no_grad()
    def _spread(self, deviation: float) -> None:
        """Let actions begin with this deviation; what is resumed, or begun with, has its own."""
        if self.network.constants is None:
            raise DactylError("deviation is for actions that are numbers, and the robot's are bins")
        self.network.constants.fill_(math.log(deviation / DEVIATION))

    # --------------------------------------------------------------------------------------------------- stages

    def _make_environment(self) -> Any:
        seed = self.config.seed + self.stage + RANKS_APART * self.processes.rank
        return self.make_environment(self.config.stages[self.stage].environment, seed)

    def _enter_stage(self, environment: Any) -> None:
        """Go on with the same networks in another environment."""
        stage = self.config.stages[self.stage]
        networks = ActorCritic(self.network, self.value, self.policy.actions, stage.collection.bf16)
        if stage.collection.led:
            self.collector: Source = self._led(environment, networks, stage.collection)
        else:
            self.collector = self.collect_with(environment, networks, stage.collection, self.generator)
        common = networks, stage.ppo, self.shuffler, self.processes
        if stage.imitation and self.teacher is not None:
            self.algorithm: PPO = Distillation(*common, teacher=self.teacher, weight=stage.imitation)
        elif stage.demonstrated:
            if self.shown is None:
                seed = self.config.seed + RANKS_APART * self.processes.rank
                if self.processes.rank == 0:
                    print(f"the robot's script tries the task {self.config.scripts} times, to show it", file=sys.stderr)
                self.shown = by_script(environment, self.config.scripts, seed)
                if self.shown.unmoved and self.processes.rank == 0:
                    names = ", ".join(self.shown.unmoved)
                    print(f"none of {self.config.scripts} scripts moved the {names}: not shown", file=sys.stderr)
            self.algorithm = Demonstrated(*common, shown=self.shown, weight=stage.demonstrated)
        else:
            self.algorithm = PPO(*common)

    def _led(self, environment: Any, networks: ActorCritic, collection: CollectionConfig) -> Source:
        """The teacher acts too."""
        if self.collect_with is not Collector:
            raise DactylError("collection.led: a teacher does not lead on a cluster's rollout workers")
        return Collector(environment, networks, collection, self.generator, self.teacher)

    def _stage_is_over(self) -> bool:
        stage = self.config.stages[self.stage]
        return self.stage + 1 < len(self.config.stages) and (
            (stage.until_successes is not None and self._mean_successes() >= stage.until_successes)
            or (stage.until_steps is not None and self.steps >= stage.until_steps)
        )

    def _mean_successes(self) -> float:
        return self.successes / max(self.episodes, 1.0)

    # ----------------------------------------------------------------------------------------------------- loop

    def run(
        self, minutes: float = float("inf"), received: list[str] | None = None, terminal: TextIO | None = None
    ) -> dict[str, Any]:
        """Train until the preset's steps, the minutes or a signal end it, and checkpoint.

        Args:
            minutes: the longest it may take.
            received: names of signals, appended to by whoever catches them; caught here by default.
            terminal: where progress is told; standard error by default.

        Returns:
            ended (done, SIGINT or SIGTERM), steps, simulated_years, hours, stage, successes (goals per training
            episode, mean over the last 20 iterations), checkpoint (its folder).

        Raises:
            DactylError: numbers stopped being finite; the last checkpoint is from before that.
        """
        progress = Progress(self.out, self.steps, terminal=terminal) if self.processes.leads else None
        began, saved = time.monotonic(), time.monotonic()
        try:
            with signals() if received is None else nullcontext(received) as received:
                while self.steps < self.config.total_steps:
                    if self.processes.any(bool(received) or time.monotonic() - began >= 60.0 * minutes):
                        break
                    row = self.iterate()
                    if progress:
                        left = (self.config.total_steps - self.steps) / row["steps_per_s"]
                        progress.add(row, max(0.0, min(left, began + 60.0 * minutes - time.monotonic())))
                    if self._stage_is_over():
                        self._next_stage(progress)
                    if self.processes.any(time.monotonic() - saved >= 60.0 * self.config.checkpoint_minutes):
                        saved = time.monotonic()
                        self._try_to_save(progress)
            path = self.save()
        finally:
            self.collector.close()
            if progress:
                progress.close()
        return {
            "ended": received[0] if received else "done",
            "steps": self.steps,
            "simulated_years": self._years(),
            "hours": self.seconds / 3600.0,
            "stage": self.stage + 1,
            "successes": self._mean_successes(),
            "checkpoint": str(path),
        }

    def _next_stage(self, progress: Progress | None) -> None:
        self.stage += 1
        if progress:
            progress.say(f"stage {self.stage + 1} of {len(self.config.stages)} after {self.steps:,} steps")
        state = self.algorithm.state_dict()
        self.collector.close()
        self._enter_stage(self._make_environment())
        self.algorithm.load_state_dict(state)
        self.episodes = self.successes = 0.0

    def _years(self) -> float:
        """Simulated experience so far."""
        return years(self.steps * self.policy.contract.control_period)

    def iterate(self) -> dict[str, float]:
        """One rollout and one update; returns figures for the log."""
        start = time.monotonic()
        rollout = self.collector.collect()
        self._check_rollout(rollout)
        collected = time.monotonic()
        figures = self.algorithm.update(rollout)
        self._check_networks()
        if self.average is not None:
            self.average.update_parameters(self.network)
        seconds = time.monotonic() - start
        steps = rollout.rewards.numel() * self.processes.size
        self.steps += steps
        self.seconds += seconds
        means = self.processes.means(self.collector.means())
        self.episodes = SMOOTHING * self.episodes + means["episodes"] * steps
        self.successes = SMOOTHING * self.successes + means.pop("successes", 0.0) * steps
        per_minute = 60.0 / self.policy.contract.control_period
        return {
            "steps": self.steps,
            "years": self._years(),
            "hours": self.seconds / 3600.0,
            "steps_per_s": steps / seconds,
            "collecting": (collected - start) / seconds,
            "stage": self.stage + 1,
            "successes": self._mean_successes(),
            "goals_per_minute": means.pop("goals", 0.0) * per_minute,
            "episodes_per_minute": means.pop("episodes") * per_minute,
            "terminated_per_minute": means.pop("terminated") * per_minute,
            **means,
            **figures,
        }

    def _check_rollout(self, rollout: Rollout) -> None:
        parts = {name: getattr(rollout, name) for name in ("rewards", "values", "last_values")}
        parts |= {f"{name} observations": seen for name, seen in rollout.observations.items()}
        finite = torch.stack([torch.isfinite(part).all() for part in parts.values()])
        everywhere = self.processes.mean(finite.float()).tolist()
        bad = [name for name, good in zip(parts, everywhere, strict=True) if good < 1.0]
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
        collectors = self.processes.gather(self.collector.state_dict())
        path = checkpoint.path(self.out, self.steps)
        if not self.processes.leads:
            return path
        trained = {
            **self.policy.contract.trained,
            "steps": self.steps,
            "simulated_years": round(self._years(), 4),
            "hours": round(self.seconds / 3600.0, 3),
            "successes_per_training_episode": round(self._mean_successes(), 3),
        }
        if self.average is not None:
            trained["averaging"] = self.config.averaging
        self.policy.contract = replace(self.policy.contract, trained=trained)
        training = {
            "fixed": self._fixed(self.policy.contract),
            "steps": self.steps,
            "seconds": self.seconds,
            "stage": self.stage,
            "episodes": self.episodes,
            "successes": self.successes,
            "ppo": self.algorithm.state_dict(),
            "shuffler": self.shuffler.get_state(),
            "collectors": collectors,
            **({} if self.average is None else {"average": self.average.state_dict()}),
        }
        network = None if self.average is None else cast(Network, self.average.module)
        policy = self.policy if network is None else Policy(self.policy.contract, network)
        checkpoint.save(path, policy, self.value.state_dict(), training)
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
            "workers": self.processes.size,
            "policy": str(described(contract.architecture)),
            "value": str(described(self.config.value)),
            "observation": str(contract.observation),
            "robot": contract.robot,
            "task": contract.task,
            "object": contract.object,
            **({"objects": str(self.config.objects)} if self.config.objects else {}),
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
        self.algorithm.load_state_dict(state["ppo"])
        if "shuffler" in state:
            self.shuffler.set_state(state["shuffler"])
        self.collector.load_state_dict(state["collectors"][self.processes.rank])
        if self.average is not None and "average" in state:
            self.average.load_state_dict(state["average"])

    def _teacher(self) -> Teacher | None:
        """Whom stages may imitate."""
        if self.config.teacher is not None:
            return self._load_teacher(Path(self.config.teacher))
        if self.config.specialists:
            return Specialists([self._load_specialist(name) for name in self.config.objects])
        return None

    def _load_specialist(self, object: str) -> Network:
        """One that sees and acts as this policy does."""
        path = Path(self.config.specialists[object])
        specialist = Policy.load(checkpoint.find_policy(path), object, self.device)
        self._check_actions(path, specialist.contract)
        if specialist.contract.observation != self.policy.contract.observation:
            raise DactylError(f"the specialist {path} sees something else than the preset's policy")
        return specialist.trainable

    def _load_teacher(self, path: Path) -> Teacher:
        """The teacher's network, if it fits the task; one of postures may teach policies of other actions."""
        ours = self.policy.contract
        teacher = Policy.load(checkpoint.find_policy(path), ours.object, self.device)
        if (teacher.contract.action_origin, ours.action_origin) == ("middle", "current"):
            return self._load_teacher_of_postures(teacher)
        translated = ours.action_origin == TORQUE and teacher.contract.action_origin != TORQUE
        if not translated:
            self._check_actions(path, teacher.contract)
        terms = tuple(term for term, _ in teacher.contract.observation)
        for stage in self.config.stages:
            if stage.environment.value_terms[: len(terms)] != terms:
                raise DactylError(f"environment.value_terms must begin with what the teacher {path} sees")
        network = teacher.trainable
        if network.lstm is not None:
            raise DactylError(f"the teacher {path} has a memory: only a feed-forward one can be imitated")
        if translated:
            return PostureTeacher(network, teacher.contract, robots.load(ours.robot), ours.action_scale)
        return network

    def _load_teacher_of_postures(self, teacher: Policy) -> Teacher:
        """For a policy of relative actions."""
        ours = self.policy.contract
        robot, task = robots.load(ours.robot), tasks.load(ours.task)
        terms = {stage.environment.value_terms for stage in self.config.stages}
        if len(terms) > 1:
            raise DactylError("environment.value_terms must be the same in all stages for a teacher of postures")
        seen = sizes(task, robot, terms.pop())
        return RelativeTeacher(teacher.trainable, teacher.contract, robot, ours, seen)

    def _check_actions(self, path: Path, contract: Contract) -> None:
        """Refuse a policy to whom the same bins mean something else."""
        for name in ("action_origin", "action_scale", "smoothing"):
            ours, theirs = getattr(self.policy.contract, name), getattr(contract, name)
            if ours != theirs:
                raise DactylError(f"{path} acts with {name} {theirs}, this preset with {ours}")

    def _begin_with(self, *paths: Path) -> None:
        """Take the networks of checkpoints of this or another task, or policies alone; the mean of several."""
        begun = [self._networks_of(path) for path in paths]
        policies = [policy for policy, _ in begun]
        values = [value for _, value in begun if value is not None]
        self._take(self.network, policies, paths)
        if len(values) == len(paths):
            self._take(self.value, values, paths)

    def _networks_of(self, path: Path) -> tuple[Mapping[str, Tensor], Mapping[str, Tensor] | None]:
        """A checkpoint's policy network, if it fits, and its value network, where it has one."""
        path = path if (path / checkpoint.POLICY).is_file() else checkpoint.resolve(path)
        begun = Policy.load(path / checkpoint.POLICY)
        self._check_actions(path, begun.contract)
        seen = begun.contract.observation
        if seen != self.policy.contract.observation[: len(seen)]:
            raise DactylError(f"cannot begin with {path}: it sees something else than the preset's policy")
        network, activation = begun.trainable, self.network.activation
        if network.activation != activation:
            raise DactylError(f"cannot begin with {path}: its layers have {network.activation}, not {activation}")
        value = checkpoint.load_value(path) if (path / checkpoint.VALUE).exists() else None
        return network.state_dict(), value

    def _take(self, network: Network | Value, states: Sequence[Mapping[str, Tensor]], paths: Sequence[Path]) -> None:
        names = ", ".join(map(str, paths))
        try:
            network.load_narrower(mean_of(states))
        except RuntimeError as error:
            raise DactylError(f"cannot begin with {names}: its networks have other sizes than the preset's") from error


def mean_of(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Of networks of one architecture, by name.

    Raises:
        RuntimeError: their architectures differ.
    """
    if any({k: v.shape for k, v in state.items()} != {k: v.shape for k, v in states[0].items()} for state in states):
        raise RuntimeError("networks of different sizes have no mean")
    return {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}


def check_images(images: Mapping[str, tuple[int, ...]], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise DactylError if the environment's groups, their shapes by name, have not the images a policy shall see."""
    for name, shape in images.items():
        if (found := shapes.get(name)) != shape:
            raise DactylError(f"policy.images: {name} of shape {shape} is not what the environment shows: {found}")


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
