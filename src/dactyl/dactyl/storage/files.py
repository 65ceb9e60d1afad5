"""Files that are either whole or not there, whenever the process or the disk gives out."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch


def write_atomically(path: Path, data: bytes) -> None:
    """Replace the file by `data`: after a crash or on a full disk the old content is still there, whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        sync(temporary)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's renames, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from error
    if not isinstance(state, dict):
        raise ValueError("it holds no training state")
    return state
