"""What decides a step's results, as plain values: compared to know whether a finished step still stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dactyl.reproduction.experiment import Step
from dactyl.storage.digests import file_hash
from dactyl.storage.shared import shared


def inputs_of(step: Step, marks: Mapping[str, str]) -> dict[str, Any]:
    """A step's inputs.

    Args:
        step: whose files are read.
        marks: of the finished steps that it needs, see `store.Finished`.

    Raises:
        DactylError: a file cannot be read.
    """
    return {
        "version": step.version,
        "files": {_named(path): file_hash(path) for path in step.files},
        "settings": json.loads(json.dumps(step.settings)),
        "needs": {name: marks[name] for name in step.needs},
    }


def difference(before: Any, now: Any, where: str = "") -> str:
    """The first place in which plain values differ, in the order of those of now, for a person; empty if none does."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        places = (
            difference(before.get(key), now.get(key), f"{where}.{key}" if where else key) for key in {**now, **before}
        )
        return next(filter(None, places), "")
    if before == now:
        return ""
    return f"{where or 'it'} was {_short(before)} and is {_short(now)}"


def _named(path: Path) -> str:
    """A shipped file by its place among the shared ones, so that it is the same in every checkout."""
    root = shared()
    return str(path.resolve().relative_to(root)) if path.resolve().is_relative_to(root) else path.name


def _short(value: Any) -> str:
    shown = json.dumps(value)
    return shown if len(shown) <= 40 else f"{shown[:40]}…"
