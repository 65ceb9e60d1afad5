"""The shipped weights: where they are, and what their folders are called.

A policy's folder is called as its object; that of another robot or task than the usual as these, `robot-task`. A pose
estimator's is called as its object after `pose-`. There is `-` for every `_`.
"""

from __future__ import annotations

from pathlib import Path

from dactyl.errors import DactylError
from dactyl.storage.shared import shared

POLICY, ESTIMATOR = "policy.safetensors", "estimator.safetensors"


def find(name: str) -> Path:
    """Folder of the shipped model of that name, with `-` or `_`; it may not exist."""
    return shared("models", name.replace("_", "-"))


def policy_for(object: str, path: str | Path | None = None) -> Path:
    """A policy's file.

    Args:
        object: whose shipped policy is meant without `path`.
        path: a file, which may not exist, a folder with one, or a training's, whose newest is meant.

    Raises:
        DactylError: none is shipped for the object.
    """
    return _file(path, find(object), POLICY, f"no policy for the object {object}")


def estimator_for(object: str, path: str | Path | None = None) -> Path:
    """A pose estimator's file; see `policy_for`."""
    return _file(path, find(f"pose-{object}"), ESTIMATOR, f"no pose estimator for the object {object}")


def policies_for(name: str) -> list[Path]:
    """Every shipped policy whose name begins with this: an object, or a robot and a task."""
    folder = find(name)
    return sorted(folder.parent.glob(f"{folder.name}*/{POLICY}"))


def _file(path: str | Path | None, shipped: Path, name: str, lacking: str) -> Path:
    if path is None and not (shipped / name).exists():
        raise DactylError(f"{lacking} is shipped: name one")
    found = shipped if path is None else Path(path)
    if not found.is_dir():
        return found
    newest = sorted(found.glob(f"checkpoint-*/{name}"), reverse=True)  # of a training's folder
    return next((file for file in (found / name, *newest) if file.exists()), found / name)
