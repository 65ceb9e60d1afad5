"""Trainings as steps of an experiment: a preset made of data, gone on with where it was stopped, and its curve."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from dactyl.errors import DactylError
from dactyl.learning import checkpoint, curves
from dactyl.learning import train as trainings
from dactyl.learning.cluster import LOCAL
from dactyl.learning.options import TrainOptions
from dactyl.reproduction.experiment import Here, StoppedError
from dactyl.reproduction.moving import moving
from dactyl.storage.digests import file_hash
from dactyl.storage.files import write_atomically

POINTS = 200
"""Of a curve, in the results."""
WINDOW = 0.05
"""Span of the moving average, as a share of a training's iterations."""


def train(
    here: Here,
    preset: Mapping[str, Any],
    *,
    initial: Path | None = None,
    minutes: float = inf,
    workers: int | None = None,
    rollout_workers: int = 0,
    address: str = LOCAL,
) -> dict[str, Any]:
    """Train a preset in a step's folder, or go on with what is there.

    Args:
        here: whose folder, threads and workers.
        preset: content of a preset's file.
        initial: a folder of weights to begin with.
        minutes: after which it ends.
        workers: in place of those of `here`.
        rollout_workers: that simulate for these, which then only learn, all of them on Ray; 0: without Ray.
        address: of the cluster that they are on; as it is, one for this training alone.

    Returns:
        steps, years, hours, workers, the policy's file in the folder and its hash, and the curve.

    Raises:
        StoppedError: a signal came; the next try goes on from there.
    """
    file, out = here.folder / "preset.yaml", here.folder / "training"
    try:
        write_atomically(file, yaml.safe_dump(dict(preset), sort_keys=False))
    except OSError as error:
        raise DactylError(f"cannot write {file}: {error.strerror}") from error
    resume = out if out.is_dir() and checkpoint.find(out) else None
    processes = workers or here.workers
    options = TrainOptions(
        out=out,
        resume=resume,
        initial=initial,
        minutes=minutes,
        device="cpu",
        threads=here.threads,
        workers=processes,
        cluster=address if rollout_workers else None,
        rollout_workers=rollout_workers,
    )
    threads = torch.get_num_threads()
    try:
        outcome = trainings.train(str(file), options)
    finally:
        torch.set_num_threads(threads)  # what follows has those of a process that trained nothing
    if outcome["ended"] != "done":
        raise StoppedError(outcome["ended"])
    policy = Path(outcome["checkpoint"]) / checkpoint.POLICY
    return {
        "steps": outcome["steps"],
        "years": outcome["simulated_years"],
        "hours": outcome["hours"],
        "workers": processes,
        "policy": str(policy.resolve().relative_to(here.folder.resolve())),
        "hash": file_hash(policy),
        "curve": curve(out),
    }


def training(preset: Mapping[str, Any], after: str = "") -> Callable[[Here], dict[str, Any]]:
    """A step's work: to train a preset, from the networks of the step `after` if one is named."""

    def do(here: Here) -> dict[str, Any]:
        initial = here.file(after, "policy").parent.resolve() if after else None
        return train(here, preset, initial=initial)

    return do


def curve(out: Path) -> dict[str, list[float | None]]:
    """How a training went: goals per episode as a moving average with its 90 % interval, goals per minute, by time.

    Iterations in which no episode ended have no value of their own.

    Raises:
        DactylError: the training has no table.
    """
    table = curves.read(out, more=("episodes_per_minute", "steps", "steps_per_s"))
    ended = table["episodes_per_minute"] > 0.0
    per_episode = table["goals_per_minute"][ended] / table["episodes_per_minute"][ended]
    if not len(per_episode):
        raise DactylError(f"no episode ended in the training {out}: there is no curve")
    span = max(3.0, WINDOW * len(per_episode))
    goals = moving(per_episode, span)
    rate = moving(table["goals_per_minute"][ended], span)
    columns = {
        "steps": table["steps"][ended], "years": table["years"][ended], "hours": table["hours"][ended],
        "goals": goals.mean, "low": goals.low, "high": goals.high, "goals_per_minute": rate.mean,
        "steps_per_s": table["steps_per_s"][ended],
    }  # fmt: skip
    kept = np.unique(np.linspace(0, len(per_episode) - 1, POINTS).round().astype(int))
    return {name: [float(v) if np.isfinite(v) else None for v in values[kept]] for name, values in columns.items()}


def reached(curve: Mapping[str, Any], level: float, what: str = "goals_per_minute", against: str = "hours") -> float:
    """When a curve's moving average first had so much: hours, or another of its columns; NaN where it never did."""
    values, times = np.array(curve[what], float), np.array(curve[against], float)
    above = np.flatnonzero(values >= level)
    return float(times[above[0]]) if len(above) else float("nan")


def level(compared: Sequence[Mapping[str, Any]], what: str = "goals_per_minute") -> float:
    """What every training reached: the least of their highest."""
    return float(min(np.nanmax(np.array(curve[what], float)) for curve in compared))
