"""Evaluations that are shipped beside their weights: they stand in for running the same trials again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dactyl.environment.randomization import RandomizationConfig
from dactyl.learning.evaluation import world_digest
from dactyl.reproduction.store import DAMAGED
from dactyl.storage import models
from dactyl.storage.digests import file_hash

FIGURES = ("mean", "std", "median", "mean_interval_95", "goals_reached", "reasons", "sorted", "trials")
"""Of `evaluation.summarize`, that experiments use."""


def find(model: Path, randomization: RandomizationConfig, trials: int, seed: int = 0) -> Path | None:
    """The file of `evaluate` in a model's folder that is of its weights and of the world as they are now.

    Args:
        model: the folder.
        randomization: the world's.
        trials: that it must have, by motion capture, of drawn actions.
        seed: of these.

    Raises:
        DactylError: the folder has no weights that can be read.
    """
    wanted = {
        "weights": file_hash(model / models.POLICY), "world": world_digest(randomization), "pose": "state",
        "calibration": None,
    }  # fmt: skip
    return next((path for path in sorted(model.glob("evaluation*.json")) if _fits(path, wanted, trials, seed)), None)


def _fits(path: Path, wanted: Mapping[str, Any], trials: int, seed: int) -> bool:
    try:
        document = json.loads(path.read_text())
        found = document["results"]
        return (
            document["seed"] == seed
            and all(found.get(key) == value for key, value in wanted.items())
            and found["actions"] in ("sampled", "both")
            and len(found["trials"]) == len(found["sorted"]) == trials
        )
    except (OSError, *DAMAGED):
        return False


def read(path: Path) -> dict[str, Any]:
    """The figures of a file that `find` found, and where they are from: file, commit."""
    document = json.loads(path.read_text())
    figures = {name: document["results"][name] for name in FIGURES}
    return {**figures, "from": f"models/{path.parent.name}/{path.name}", "commit": document["commit"]}
