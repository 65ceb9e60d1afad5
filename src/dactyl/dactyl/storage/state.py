"""The state of a training: tensors and plain values in a file from which nothing is run."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from dactyl.storage.files import write_atomically


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write a training's state: tensors and plain values, see `write_atomically`."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    write_atomically(path, buffer.getvalue())


def load_state(path: Path, device: str | torch.device = "cpu") -> dict[str, Any]:
    """A training's state. Nothing in the file is run: it may hold tensors and plain values only.

    Raises:
        ValueError: says in one line why it cannot be read.
    """
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, LookupError, pickle.UnpicklingError) as error:
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from error
    if not isinstance(state, dict):
        raise ValueError("it holds no training state")
    return state
