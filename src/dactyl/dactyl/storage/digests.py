"""Short digests that tell whether two files, or two plain values, are the same."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from dactyl.errors import DactylError


def digest(value: Any) -> str:
    """Of plain values: equal where they are equal."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def file_hash(path: Path) -> str:
    """Of a file's content.

    Raises:
        DactylError: it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise DactylError(f"cannot read {path}: {error.strerror or error}") from error
