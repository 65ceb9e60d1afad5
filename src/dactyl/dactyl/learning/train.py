"""From a preset to a training run. `python -m dactyl.learning.train` needs no ROS and no other front end."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from dactyl.environment import task as tasks
from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.environment import Environment
from dactyl.errors import DactylError
from dactyl.learning import checkpoint
from dactyl.learning.config import TrainingConfig
from dactyl.learning.policy import Contract
from dactyl.learning.presets import read_preset
from dactyl.learning.progress import duration
from dactyl.learning.team import ALONE, Team, run_team
from dactyl.learning.trainer import Trainer
from dactyl.robot import robot as robots
from dactyl.storage.shared import shared


def train(
    preset: str,
    out: Path | None = None,
    resume: Path | None = None,
    initial: Path | None = None,
    minutes: float = float("inf"),
    device: str | None = None,
    threads: int = 0,
    seed: int | None = None,
    workers: int = 1,
) -> dict[str, Any]:
    """Train a preset until it is done, the time is up or a signal comes; returns what `Trainer.run` does.

    Args:
        preset: name or path of a YAML file.
        out: folder for checkpoints and logs; runs/PRESET by default.
        resume: checkpoint, or folder of a training, to go on with exactly.
        initial: checkpoint, or folder with a policy, whose networks to begin with.
        minutes: stop after so long.
        device: cpu or cuda; cuda where there is one by default.
        threads: CPU threads, 0 for all cores.
        seed: in place of the preset's.
        workers: processes that share the worlds and the gradients' work, each with its threads.
    """
    config = read_preset(preset)
    if seed is not None:
        config = replace(config, seed=seed)
    if initial is not None:
        config = replace(config, initial=str(initial))
    elif config.initial is not None:
        config = replace(config, initial=str(shared(config.initial)))
    if config.teacher is not None:
        config = replace(config, teacher=str(shared(config.teacher)))
    if resume is not None:
        resume = checkpoint.resolve(resume)
    out = out or (resume.parent if resume is not None else Path("runs") / Path(preset).stem)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    check_device(device, config)
    check_workers(workers, device, config)
    prepare_folder(out, resume)
    threads = threads or (max(1, (os.cpu_count() or 1) // workers) if workers > 1 else 0)
    return run_team(workers, _take_part, config, preset, out, resume, device, threads, minutes)


def _take_part(
    team: Team,
    config: TrainingConfig,
    preset: str,
    out: Path,
    resume: Path | None,
    device: str,
    threads: int,
    minutes: float,
) -> dict[str, Any]:
    return make_trainer(config, preset, out, resume, device, threads, team).run(minutes)


def make_trainer(
    config: TrainingConfig,
    preset: str,
    out: Path,
    resume: Path | None,
    device: str | None,
    threads: int,
    team: Team = ALONE,
) -> Trainer:
    """A trainer in the reorientation environment, of the team's member this process is; arguments as in `train`."""
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    check_device(device, config)
    if device == "cuda":
        torch.set_float32_matmul_precision("high")  # TF32
    elif threads:
        torch.set_num_threads(threads)

    def make_environment(environment: EnvironmentConfig, seed: int) -> Environment:
        worlds = config.num_envs // team.size
        return Environment(environment, worlds, seed=seed, device=device, threads=threads)

    return Trainer(config, make_environment, contract(config, preset), out, resume, team)


def contract(config: TrainingConfig, preset: str) -> Contract:
    """What a policy trained with this configuration expects of whoever runs it: that of the last stage.

    Raises:
        DactylError: the stages differ in what a policy cannot change.
    """
    environments = [stage.environment for stage in config.stages]
    last = environments[-1]
    for name in ("policy_terms", "value_terms"):
        if any(getattr(environment, name) != getattr(last, name) for environment in environments):
            raise DactylError(f"stages: environment.{name} must be the same in all of them")
    task, robot = tasks.load(last.task), robots.load(last.scene.robot)
    return Contract(
        observation=tuple((term, task.size((term,), robot)) for term in last.policy_terms),
        architecture=config.policy,
        action_origin=last.action_origin,
        action_scale=last.action_scale,
        smoothing=last.smoothing,
        object=last.scene.object,
        locked_wrist=last.scene.locked_wrist,
        trained={"preset": Path(preset).stem, "seed": config.seed},
    )


def check_device(device: str, config: TrainingConfig) -> None:
    """Raise DactylError if the configuration cannot be trained on the device."""
    if device not in ("cpu", "cuda"):
        raise DactylError(f"device must be cpu or cuda, not {device}")
    if device == "cuda" and not torch.cuda.is_available():
        raise DactylError("device cuda: PyTorch finds no CUDA GPU here")
    if device == "cpu" and any(stage.ppo.bf16 for stage in config.stages):
        raise DactylError("ppo.bf16 needs a GPU: set it to false to train on the CPU")


def check_workers(workers: int, device: str, config: TrainingConfig) -> None:
    """Raise DactylError if the work cannot be shared by so many processes."""
    if workers < 1 or config.num_envs % workers:
        raise DactylError(f"{config.num_envs} worlds cannot be shared by {workers} workers")
    if workers > 1 and device != "cpu":
        raise DactylError("workers share the CPU's work: leave them out to train on a GPU")


def prepare_folder(out: Path, resume: Path | None) -> None:
    """Make a training's folder; DactylError if this training would mix with another in it."""
    found = checkpoint.find(out)
    if found and resume is None:
        raise DactylError(f"{out} already holds a training: continue it with --resume {out}, or choose another --out")
    if found and resume is not None and found[-1].resolve() != resume.resolve():
        raise DactylError(f"{out} holds {found[-1].name}, which is not what you resume: choose another --out")
    try:
        out.mkdir(parents=True, exist_ok=True)
        checkpoint.clean(out)
    except OSError as error:
        raise DactylError(f"cannot write to {out}: {error.strerror}") from error


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
        print(as_text(train(**vars(parser.parse_args(arguments)))))
    except DactylError as error:
        print(f"dactyl: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
