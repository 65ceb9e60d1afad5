"""Training presets by their names."""

from __future__ import annotations

from pathlib import Path

from dactyl import registry
from dactyl.errors import DactylError
from dactyl.learning.config import WHOLE, TrainingConfig, parse_training, renew
from dactyl.storage import presets
from dactyl.storage.shared import shared

PRESETS = shared("config", "training")


def folders() -> tuple[Path, ...]:
    """Where presets are found by name: the repository's, then each task's own."""
    return (PRESETS, *(folder / "presets" for folder in registry.folders("tasks")))


def read_preset(preset: str) -> TrainingConfig:
    """A preset by its name in config/training or in a task's folder `presets`, or by the path of its file.

    Raises:
        DactylError: there is none, or it is wrong; names the file and the key.
    """
    values = presets.read(preset, folders(), "training", whole=WHOLE, renew=renew)
    try:
        return parse_training(values)
    except DactylError as error:
        raise DactylError(f"training preset {preset}: {error}") from error
