"""From a preset to a training run. `python -m dactyl.learning.train` needs no ROS and no other front end."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import yaml

from dactyl.errors import DactylError
from dactyl.learning import checkpoint
from dactyl.learning.config import TrainingConfig, merge, parse_training
from dactyl.learning.policy import Contract
from dactyl.learning.progress import duration
from dactyl.learning.rollout import Environment
from dactyl.learning.trainer import Trainer
from dactyl.task.environment import EnvironmentConfig, ReorientEnvironment
from dactyl.task.observation import TERMS

ROOT = Path(__file__).resolve().parents[4]
PRESETS = ROOT / "config" / "training"


def read_preset(preset: str) -> TrainingConfig:
    """A preset by its name in config/training or by the path of its file.

    Raises:
        DactylError: there is none, or it is wrong; names the file and the key.
    """
    values = _read_yaml(preset)
    try:
        return parse_training(values)
    except DactylError as error:
        raise DactylError(f"training preset {preset}: {error}") from error


def _read_yaml(preset: str, extended: tuple[str, ...] = ()) -> dict[str, Any]:
    """A preset's file, laid over the one that its key `extends` names."""
    path = Path(preset) if preset.endswith((".yaml", ".yml")) else PRESETS / f"{preset}.yaml"
    if preset in extended:
        raise DactylError(f"training preset {preset} extends itself")
    try:
        values = yaml.safe_load(path.read_text())
    except FileNotFoundError as error:
        names = ", ".join(sorted(p.stem for p in PRESETS.glob("*.yaml")))
        raise DactylError(f"there is no training preset {preset}: choose from {names}, or name a .yaml file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DactylError(f"cannot read {path}: {error}") from error
    except yaml.YAMLError as error:
        raise DactylError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise DactylError(f"training preset {preset}: expected a mapping, not {values!r}")
    base = values.pop("extends", None)
    return values if base is None else merge(_read_yaml(str(base), (*extended, preset)), values)


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
    return Contract(
        observation=tuple((term, TERMS[term]) for term in last.policy_terms),
        architecture=config.policy,
        action_scale=last.action_scale,
        smoothing=last.smoothing,
        object=last.scene.object,
        locked_wrist=last.scene.locked_wrist,
        trained={"preset": Path(preset).stem, "seed": config.seed},
    )


def train(
    preset: str,
    out: Path | None = None,
    resume: Path | None = None,
    initial: Path | None = None,
    minutes: float = float("inf"),
    device: str | None = None,
    threads: int = 0,
    seed: int | None = None,
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
    """
    config = read_preset(preset)
    if seed is not None:
        config = replace(config, seed=seed)
    if initial is not None:
        config = replace(config, initial=str(initial))
    elif config.initial is not None:
        config = replace(config, initial=str(ROOT / config.initial))
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    _check_device(device, config)
    if threads:
        torch.set_num_threads(threads)
    torch.set_float32_matmul_precision("high")  # TF32 on GPUs that have it
    if resume is not None:
        resume = checkpoint.resolve(resume)
    out = out or (resume.parent if resume is not None else Path("runs") / Path(preset).stem)
    _prepare(out, resume)

    def make_environment(environment: EnvironmentConfig, environment_seed: int) -> Environment:
        return ReorientEnvironment(environment, config.num_envs, seed=environment_seed, device=device, threads=threads)

    return Trainer(config, make_environment, contract(config, preset), out, resume).run(minutes)


def as_text(outcome: Mapping[str, Any]) -> str:
    """The outcome of a training for people."""
    how = "done" if outcome["ended"] == "done" else f"stopped by {outcome['ended']}"
    return (
        f"{how} after {outcome['steps']:,} steps ({outcome['simulated_years']:.3g} simulated years) in "
        f"{duration(3600.0 * outcome['hours'])}: {outcome['successes']:.2f} successes per training episode; "
        f"checkpoint {outcome['checkpoint']}"
    )


def _check_device(device: str, config: TrainingConfig) -> None:
    if device not in ("cpu", "cuda"):
        raise DactylError(f"device must be cpu or cuda, not {device}")
    if device == "cuda" and not torch.cuda.is_available():
        raise DactylError("device cuda: PyTorch finds no CUDA GPU here")
    if device == "cpu" and any(stage.ppo.bf16 for stage in config.stages):
        raise DactylError("ppo.bf16 needs a GPU: set it to false to train on the CPU")


def _prepare(out: Path, resume: Path | None) -> None:
    """Make the folder, and refuse one in which a training would mix with another."""
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


def main(arguments: Sequence[str] | None = None) -> int:
    """The `train` command without the rest of the command line."""
    parser = argparse.ArgumentParser(description="Train a policy.")
    parser.add_argument("preset")
    for option, kind in (("out", Path), ("resume", Path), ("initial", Path), ("device", str)):
        parser.add_argument(f"--{option}", type=kind)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--seed", type=int)
    try:
        print(as_text(train(**vars(parser.parse_args(arguments)))))
    except DactylError as error:
        print(f"dactyl: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
