"""From a preset to a training run. `python -m dactyl.learning.train` needs no ROS and no other front end."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from dactyl.environment import environment as environments
from dactyl.environment import task as tasks
from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.mixed import MixedEnvironment
from dactyl.errors import DactylError
from dactyl.learning import checkpoint, cluster, process_group
from dactyl.learning.config import TrainingConfig
from dactyl.learning.options import Device, TrainOptions
from dactyl.learning.policy import Contract, sizes
from dactyl.learning.presets import read_preset
from dactyl.learning.process_group import ALONE, ProcessGroup
from dactyl.learning.protocol import Environment
from dactyl.learning.trainer import Trainer
from dactyl.ranges import check_options
from dactyl.robot import robot as robots
from dactyl.simulation.scene import robot_of
from dactyl.status_line import duration
from dactyl.storage.locks import locked
from dactyl.storage.shared import shared

DEFAULTS = TrainOptions()
OBJECTS_APART = 1_000_000  # between the seeds of two objects' environments


def train(preset: str, options: TrainOptions = DEFAULTS) -> dict[str, Any]:
    """Train a preset until it is done, the time is up or a signal comes; returns what `Trainer.run` does.

    Args:
        preset: name or path of a YAML file.
        options: see there; where it goes on with a training and has no `out`, in the folder of that.
    """
    check_options(options)
    resume = checkpoint.resolve(options.resume) if options.resume is not None else None
    out = options.out or (resume.parent if resume is not None else Path("runs") / Path(preset).stem)
    device = options.device or default_device()
    workers, threads = options.workers, options.threads
    if workers > 1 and not threads:
        threads = max(1, (os.cpu_count() or 1) // workers)
    options = replace(options, out=out, resume=resume, device=device, threads=threads)
    config = configure(preset, options)
    check_device(device, config)
    check_workers(options, config)
    if options.cluster:
        return _on_a_cluster(preset, config, options)
    with locked(out):
        prepare_folder(out, resume)
        return process_group.run(workers, _take_part, preset, config, options)


def _on_a_cluster(preset: str, config: TrainingConfig, options: TrainOptions) -> dict[str, Any]:
    assert options.cluster is not None
    out = options.out
    assert out is not None
    cluster.prepare(options.cluster)
    from dactyl.learning.cluster import engine
    from dactyl.learning.cluster.optimizer import Task

    threads = options.threads or 1
    simulating = options.rollout_workers or options.workers
    device = "cpu" if options.rollout_workers else str(options.device)
    make_environment = MakeEnvironment(config.num_envs // simulating, device, threads, config.objects)
    options = replace(options, threads=threads)
    task = Task(config, contract(config, preset), options, make_environment, interactive=sys.stderr.isatty())
    with locked(out):
        prepare_folder(out, options.resume)
        return engine.train(task)


@dataclass(frozen=True)
class MakeEnvironment:
    """Makes one process's part of the environments; it pickles."""

    number: int
    device: str
    threads: int
    objects: tuple[str, ...] = ()
    """Each has its share of the environments; none: the configuration's own."""

    def __call__(self, environment: EnvironmentConfig, seed: int) -> Environment:
        """Of a stage's configuration, with a seed."""
        if not self.objects:
            return self._of(environment, self.number, seed)
        each, parts = self.number // len(self.objects), []
        for i, name in enumerate(self.objects):
            own = replace(environment, scene=replace(environment.scene, object=name))
            parts.append(self._of(own, each, seed + OBJECTS_APART * i))
        return MixedEnvironment(parts)

    def _of(self, environment: EnvironmentConfig, number: int, seed: int) -> environments.Environment:
        return environments.Environment(environment, number, seed=seed, device=self.device, threads=self.threads)


def configure(preset: str, options: TrainOptions) -> TrainingConfig:
    """The preset's configuration with what the options change; files it names are found from everywhere."""
    config = read_preset(preset)
    if options.seed is not None:
        config = replace(config, seed=options.seed)
    if options.initial is not None:
        config = replace(config, initial=str(options.initial))
    elif config.initial is not None:
        config = replace(config, initial=_named(config.initial))
    if config.teacher is not None:
        config = replace(config, teacher=_named(config.teacher))
    if config.specialists:
        config = replace(config, specialists={name: _named(file) for name, file in config.specialists.items()})
    return config


def _named(file: str) -> str:
    """Where a file is that a preset names: with what is shipped, or, as what was trained, below the present folder."""
    shipped = shared(file)
    return str(shipped if shipped.exists() else Path(file))


def _take_part(processes: ProcessGroup, preset: str, config: TrainingConfig, options: TrainOptions) -> dict[str, Any]:
    return make_trainer(preset, config, options, processes).run(options.minutes)


def make_trainer(
    preset: str, config: TrainingConfig, options: TrainOptions, processes: ProcessGroup = ALONE
) -> Trainer:
    """A trainer for the one of the processes that this is; `options` says where, on what and with how many threads."""
    device = options.device or default_device()
    if device == "cuda":
        torch.set_float32_matmul_precision("high")  # TF32
    elif options.threads:
        torch.set_num_threads(options.threads)

    make_environment = MakeEnvironment(config.num_envs // processes.size, str(device), options.threads, config.objects)
    assert options.out is not None
    return Trainer(config, make_environment, contract(config, preset), options.out, options.resume, processes)


def default_device() -> Device:
    """The GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def contract(config: TrainingConfig, preset: str) -> Contract:
    """What a policy trained with this configuration expects of whoever runs it: that of the last stage.

    Raises:
        DactylError: the stages differ in what a policy cannot change.
    """
    stages = [stage.environment for stage in config.stages]
    last = stages[-1]
    for name in ("task", "policy_terms", "value_terms"):
        if any(getattr(environment, name) != getattr(last, name) for environment in stages):
            raise DactylError(f"stages: environment.{name} must be the same in all of them")
    for name in ("robot", "control_period"):
        if any(getattr(environment.scene, name) != getattr(last.scene, name) for environment in stages):
            raise DactylError(f"stages: environment.scene.{name} must be the same in all of them")
    return Contract(
        observation=sizes(tasks.load(last.task), robots.load(last.scene.robot), last.policy_terms),
        architecture=config.policy,
        control_period=robot_of(last.scene).timing.control,
        action_origin=last.action_origin,
        action_scale=last.action_scale,
        smoothing=last.smoothing,
        robot=last.scene.robot,
        task=last.task,
        object=(config.objects or (last.scene.object,))[0],
        others=config.objects[1:],
        locked_wrist=last.scene.locked_wrist,
        trained={"preset": Path(preset).stem, "seed": config.seed},
    )


def check_device(device: str, config: TrainingConfig) -> None:
    """Raise DactylError if the configuration cannot be trained on the device."""
    if device not in ("cpu", "cuda"):
        raise DactylError(f"device must be cpu or cuda, not {device}")
    if device == "cuda" and not torch.cuda.is_available():
        raise DactylError("device cuda: PyTorch finds no CUDA GPU here")
    if device == "cpu" and any(stage.collection.bf16 for stage in config.stages):
        raise DactylError("collection.bf16 needs a GPU: set it to false to train on the CPU")


def check_workers(options: TrainOptions, config: TrainingConfig) -> None:
    """Raise DactylError if the work cannot be shared by so many processes."""
    workers, rollout_workers = options.workers, options.rollout_workers
    for name in ("rollout_workers", "synchronous", "max_age"):
        if getattr(options, name) != getattr(DEFAULTS, name) and not options.cluster:
            raise DactylError(f"{name}: only on a cluster, see --cluster")
    if options.max_age != DEFAULTS.max_age and (options.synchronous or not rollout_workers):
        raise DactylError("max_age: only where there are rollout workers, and they are not synchronous")
    objects = max(1, len(config.objects))
    if config.num_envs % (workers * objects):
        raise DactylError(f"{config.num_envs} environments cannot be shared by {workers} workers")
    if workers > 1 and options.device != "cpu" and not options.cluster:
        raise DactylError(
            "workers share the CPU's work: leave them out to train on a GPU, or see --cluster for several"
        )
    if rollout_workers and (rollout_workers % workers or config.num_envs % (rollout_workers * objects)):
        raise DactylError(
            f"{rollout_workers} rollout workers cannot share {config.num_envs} environments evenly, or not be shared "
            f"by {workers} workers that learn"
        )
    for stage in config.stages:
        if stage.ppo.minibatch % (stage.collection.sequence * workers):
            raise DactylError(f"ppo: minibatch {stage.ppo.minibatch} cannot be shared by {workers} processes")


def prepare_folder(out: Path, resume: Path | None) -> None:
    """Leave nothing half written in a training's folder; DactylError if this training would mix with another in it."""
    found = checkpoint.find(out)
    if found and resume is None:
        raise DactylError(f"{out} already holds a training: continue it with --resume {out}, or choose another --out")
    if found and resume is not None and found[-1].resolve() != resume.resolve():
        raise DactylError(f"{out} holds {found[-1].name}, which is not what you resume: choose another --out")
    checkpoint.clean(out)


def as_text(outcome: Mapping[str, Any]) -> str:
    """The outcome of a training for people."""
    how = "done" if outcome["ended"] == "done" else f"stopped by {outcome['ended']}"
    return (
        f"{how} after {outcome['steps']:,} steps ({outcome['simulated_years']:.3g} simulated years) in "
        f"{duration(3600.0 * outcome['hours'])}: {outcome['successes']:.2f} successes per training episode; "
        f"checkpoint {outcome['checkpoint']}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The `train` command without the rest of the command line."""
    parser = argparse.ArgumentParser(description="Train a policy.")
    parser.add_argument("preset")
    for option, kind in (("out", Path), ("resume", Path), ("initial", Path), ("device", str)):
        parser.add_argument(f"--{option}", type=kind)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int)
    try:
        chosen = vars(parser.parse_args(arguments))
        print(as_text(train(chosen.pop("preset"), TrainOptions(**chosen))))
    except DactylError as error:
        print(f"dactyl: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
