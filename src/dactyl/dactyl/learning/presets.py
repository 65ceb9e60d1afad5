"""Where presets are, and how their files are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from dactyl.errors import DactylError
from dactyl.learning.config import TrainingConfig, merge, parse_training
from dactyl.storage.shared import shared

ROOT = shared()
"""Where presets and shipped weights are."""
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
