"""Machine-readable results: every command's --json file has this one shape.

{"command": …, "version": …, "commit": …, "seed": …, "machine": {…}, "results": {…}}
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dactyl import __version__, machine
from dactyl.errors import DactylError
from dactyl.storage.files import write_atomically


def check_writable(path: Path) -> None:
    """Raise DactylError if results could not be written to path; called before a long run, not after it."""
    folder = path.absolute().parent
    if path.is_dir():
        raise DactylError(f"cannot write results to {path}: it is a folder")
    if not folder.is_dir():
        raise DactylError(f"cannot write results to {path}: there is no folder {folder}")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise DactylError(f"cannot write results to {path}: no permission")


def write(path: Path, command: str, seed: int | None, results: Mapping[str, Any]) -> None:
    """Write one results file, whole or not at all. Values may be numpy's or torch's; NaN and infinity become null."""
    check_writable(path)
    document = {
        "command": command,
        "version": __version__,
        "commit": machine.commit(),
        "seed": seed,
        "machine": machine.facts(),
        "results": results,
    }
    text = json.dumps(_plain(document), indent=2, allow_nan=False) + "\n"
    try:
        write_atomically(path, text)
    except BrokenPipeError:
        pass  # FILE is a pipe, and its reader wants no more
    except OSError as error:
        raise DactylError(f"cannot write results to {path}: {error.strerror}") from error


def _plain(value: Any) -> Any:
    """The value as JSON types: dicts, lists, strings, finite numbers, booleans, None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy and torch, scalars and arrays
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise TypeError(f"results cannot hold a {type(value).__name__}")
