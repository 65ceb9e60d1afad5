"""Checkpoints: folders that are either whole or not there.

OUT/checkpoint-000001310720/policy.safetensors   the policy file
                            value.safetensors    the value network with its target statistics
                            training.pt          all else that training needs to go on exactly as if it had not stopped
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialize
from torch import Tensor

from dactyl.errors import DactylError
from dactyl.learning.policy import Policy
from dactyl.storage import models
from dactyl.storage.files import sync
from dactyl.storage.state import load_state

PREFIX = "checkpoint-"
UNFINISHED = ".unfinished-"
KEPT = 2
POLICY, VALUE, TRAINING = models.POLICY, "value.safetensors", "training.pt"


def path(out: Path, steps: int) -> Path:
    """Where a training's checkpoint after so many steps is kept."""
    return out / f"{PREFIX}{steps:012d}"


def save(target: Path, policy: Policy, value: Mapping[str, Tensor], training: Mapping[str, Any]) -> None:
    """Write a checkpoint and then remove all but the newest few. On any error those before it are left as they are."""
    out = target.parent
    unfinished = out / f"{UNFINISHED}{target.name}"
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        unfinished.mkdir(parents=True)
        policy.save(unfinished / POLICY)
        tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in value.items()}
        (unfinished / VALUE).write_bytes(serialize(tensors))
        torch.save(dict(training), unfinished / TRAINING)
        for path in unfinished.iterdir():
            sync(path)
        sync(unfinished)
        shutil.rmtree(target, ignore_errors=True)  # the same step again: what is there is as good
        os.rename(unfinished, target)
        sync(out)
    except (OSError, SafetensorError, RuntimeError) as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise DactylError(f"cannot write the checkpoint {target}: {_line(error)}") from error
    for old in find(out)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def clean(out: Path) -> None:
    """Remove what a killed process left half written."""
    for path in out.glob(f"{UNFINISHED}*"):
        shutil.rmtree(path, ignore_errors=True)


def find(out: Path) -> list[Path]:
    """The whole checkpoints in a training's folder, oldest first."""
    return sorted(path for path in out.glob(f"{PREFIX}*") if path.is_dir())


def resolve(path: Path) -> Path:
    """A checkpoint: the path itself, or the newest in it if it is a training's folder."""
    if (path / TRAINING).is_file():
        return path
    if found := find(path):
        return found[-1]
    raise DactylError(f"there is no checkpoint in {path}")


def find_policy(path: Path | None) -> Path:
    """The policy file that a path means: itself, the one in that folder, or that of a training's newest checkpoint.

    None means the shipped policy for the block.
    """
    if path is not None and path.is_dir() and not (path / POLICY).is_file():
        if not find(path):
            raise DactylError(f"there is neither a policy nor a checkpoint in {path}")
        path = resolve(path)
    return models.policy_for("block", path)


def load_training(path: Path) -> dict[str, Any]:
    """training.pt of a checkpoint, on the CPU."""
    try:
        return load_state(path / TRAINING)
    except ValueError as error:
        others = [p.name for p in find(path.parent) if p != path]
        hint = f"; try {others[-1]}" if others else ""
        raise DactylError(f"cannot read {path / TRAINING}: {error}{hint}") from error


def load_value(path: Path) -> dict[str, Tensor]:
    """value.safetensors of a checkpoint."""
    try:
        return load_file(path / VALUE)
    except (OSError, SafetensorError) as error:
        raise DactylError(f"cannot read {path / VALUE}: {error}") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
