"""YAML files that people and other programs wrote: whatever is wrong with one is one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from dactyl.errors import DactylError

NOT_YAML = (yaml.YAMLError, ValueError, TypeError, OverflowError, RecursionError, LookupError, AttributeError)
"""What PyYAML raises: the date 2000-99-99 is a ValueError, the whole number 0x an error of another kind."""


def read_yaml(path: Path, what: str) -> Any:
    """What a YAML file says, of plain types only; None where it is empty.

    Args:
        path: of the file, in UTF-8 or, with its mark, UTF-16.
        what: it is, for messages: "the camera calibration".

    Raises:
        DactylError: it cannot be read, or is not YAML.
    """
    try:
        return yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise DactylError(f"cannot read {what} {path}: {error.strerror}") from error
    except NOT_YAML as error:
        raise DactylError(f"{what} {path} is not YAML: {first_line(error)}") from error


def first_line(error: BaseException) -> str:
    """What an exception says, on one line and not endless."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:200]}…"
