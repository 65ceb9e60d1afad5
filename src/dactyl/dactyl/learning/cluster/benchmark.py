"""What a cluster costs and gives on this machine, and what that says of a larger one."""

from __future__ import annotations

import csv
import pickle
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
import yaml

from dactyl.errors import DactylError
from dactyl.learning.cluster import LOCAL
from dactyl.learning.cluster.chunk import Chunk, Weights, side_by_side
from dactyl.learning.cluster.plan import Pipeline, scale
from dactyl.learning.collector import Collector
from dactyl.learning.options import TrainOptions
from dactyl.learning.presets import read_preset
from dactyl.learning.progress import TABLE
from dactyl.learning.train import configure, make_trainer, train

WARM_UP = 1
"""Iterations that are not timed: the first rollouts begin together, Ray starts its processes."""
ENVIRONMENTS = 128
"""Of each core, where parts are measured."""
SEQUENCE = 10
"""Control steps in a rollout there, Table 10."""
ROUNDS = 3
"""Of each measurement of a part; the median counts."""


@dataclass(frozen=True)
class Site:
    """A cluster that somebody might buy."""

    cores: int
    """For rollout workers."""
    cores_per_machine: int
    gpus: int
    """Optimizers, all in one machine."""
    gpu_speedup: float
    """How much faster than one core of this machine a GPU learns: 285 for an H100 and the core of docs/scale.md."""
    gigabits: float
    """Per second, of each machine's network and in each direction."""
    horizon: int
    """Control steps in a rollout."""


def bench_cluster(
    preset: str, workers: tuple[int, ...], environments: int, iterations: int, rounds: int
) -> dict[str, list[float]]:
    """Train for a few iterations in each way, in turns, and take the time.

    Args:
        preset: name or path of a YAML file.
        workers: numbers of processes to try: without Ray, on Ray, and on Ray with an optimizer apart.
        environments: of all workers together; minibatches are as much smaller than the preset's.
        iterations: that are timed.
        rounds: of each way.

    Returns:
        Environment steps a second of each round, simulated and learned from, by the name of the way.
    """
    ways: dict[str, dict[str, Any]] = {}
    for number in workers:
        ways |= {
            f"{number} processes": {"workers": number},
            f"{number} processes, on Ray": {"workers": number, "cluster": LOCAL},
            f"{number} rollout workers and an optimizer, on Ray": {"rollout_workers": number, "cluster": LOCAL},
        }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        for name, options in ways.items():
            rate = _rate(preset, environments, iterations, options)
            rates[name].append(rate)
            print(f"round {turn + 1} of {rounds}, {name}: {rate:,.0f} steps/s", flush=True)
    return rates


def _rate(preset: str, environments: int, iterations: int, options: dict[str, Any]) -> float:
    config = read_preset(preset)
    batch = environments * config.stages[0].collection.horizon
    minibatch = config.stages[0].ppo.minibatch * environments // config.num_envs
    changes = {"num_envs": environments, "total_steps": (WARM_UP + iterations) * batch, "checkpoint_minutes": 1e6}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        short = _write(folder, preset, {**changes, "ppo": {"minibatch": minibatch}})
        outcome = train(short, TrainOptions(out=folder / "run", device="cpu", threads=1, **options))
        if outcome["ended"] != "done":
            raise DactylError(f"stopped by {outcome['ended']}: nothing was measured")
        with (folder / "run" / TABLE).open(newline="") as file:
            hours = [float(row["hours"]) for row in csv.DictReader(file)]
    return iterations * batch / (3600.0 * (hours[-1] - hours[WARM_UP - 1]))


def _write(folder: Path, preset: str, changes: dict[str, Any]) -> str:
    """A preset with changes in its first stage, which is its only one."""
    path = folder / "short.yaml"
    extends = str(Path(preset).resolve()) if Path(preset).is_file() else preset
    path.write_text(yaml.safe_dump({"extends": extends, **changes, "stages": [{}]}))
    return str(path)


def measure_parts(preset: str) -> dict[str, float]:
    """What one rollout worker and one optimizer do, apart, with one thread each.

    Args:
        preset: name or path of a YAML file.

    Returns:
        collect_steps_per_s, update_steps_per_s, chunk_bytes_per_step, weights_bytes, handling_steps_per_s (joining
        rollouts to a batch).
    """
    config = read_preset(preset)
    stage = config.stages[0]
    passes = stage.ppo.minibatch * stage.ppo.minibatches / (config.num_envs * stage.collection.horizon)
    batch = ENVIRONMENTS * SEQUENCE
    changes = {
        "num_envs": ENVIRONMENTS,
        "teacher": None,
        "initial": None,
        "collection": {"horizon": SEQUENCE, "sequence": SEQUENCE, "bf16": False},
        "ppo": {"minibatch": batch, "minibatches": max(1, round(passes))},
    }
    with tempfile.TemporaryDirectory() as folder:
        short = _write(Path(folder), preset, changes)
        options = TrainOptions(out=Path(folder), device="cpu", threads=1)
        trainer = make_trainer(short, configure(short, options), options)
        assert isinstance(trainer.collector, Collector)
        collecting, updating, handling, sizes = [], [], [], []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            rollout = trainer.collector.collect()
            collected = time.perf_counter()
            chunk = Chunk.of(rollout, 0, 0, trainer.collector.means())
            sizes.append(len(pickle.dumps(chunk, protocol=5)))
            copied = time.perf_counter()
            side_by_side([chunk], torch.device("cpu"))
            joined = time.perf_counter()
            trainer.algorithm.update(rollout)
            collecting.append(collected - start)
            handling.append(joined - copied)
            updating.append(time.perf_counter() - joined)
        steps = rollout.rewards.numel()
        weights = len(pickle.dumps(Weights.of(trainer.collector.networks, 0), protocol=5))
    return {
        "collect_steps_per_s": steps / median(collecting),
        "update_steps_per_s": steps / median(updating),
        "handling_steps_per_s": steps / median(handling),
        "chunk_bytes_per_step": median(sizes) / steps,
        "weights_bytes": float(weights),
    }


def plan(parts: dict[str, float], site: Site, seconds: float = 600.0) -> list[dict[str, Any]]:
    """What a site would do, from this machine's figures: a simulation of so many seconds.

    Args:
        parts: see `measure_parts`.
        site: which one.
        seconds: simulated for each row.

    Returns:
        A row for each number of machines, up to all: machines, cores, limit, and the fields of `Outcome`.
    """
    machines = site.cores // site.cores_per_machine
    steps = site.horizon * ENVIRONMENTS * site.cores_per_machine
    batch = max(1, machines // site.gpus)
    bandwidth = site.gigabits * 1e9 / 8.0
    pipeline = Pipeline(
        workers=machines,
        chunk_steps=steps,
        chunk_seconds=steps / (parts["collect_steps_per_s"] * site.cores_per_machine),
        chunk_bytes=round(steps * parts["chunk_bytes_per_step"]),
        optimizers=site.gpus,
        batch_chunks=batch,
        update_seconds=steps * batch / (parts["update_steps_per_s"] * site.gpu_speedup),
        handling_seconds=steps / parts["handling_steps_per_s"],
        weights_bytes=round(parts["weights_bytes"]),
        workers_per_node=1,
        node_bandwidth=bandwidth,
        optimizer_bandwidth=bandwidth / site.gpus,
    )
    numbers = sorted({max(site.gpus, machines // share) for share in (16, 8, 4, 2, 1)})
    return [
        {"machines": number, "cores": number * site.cores_per_machine, "limit": outcome.limit, **asdict(outcome)}
        for number, outcome in scale(pipeline, numbers, seconds)
    ]


def as_text(results: Mapping[str, Any]) -> str:
    """The results for people."""
    lines = [
        f"{name}: {max(rates):,.0f} steps/s, median {median(rates):,.0f}" for name, rates in results["ways"].items()
    ]
    lines += [f"{name}: {figure:,.4g}" for name, figure in results["parts"].items()]
    for row in results["plan"]:
        busy = ", ".join(f"{name} {row[name]:.0%}" for name in ("simulating", "learning", "network", "handling"))
        lines.append(
            f"{row['machines']} machines, {row['cores']} cores: {row['steps_per_s']:,.0f} steps/s, policy age "
            f"{row['age']:.1f}; busy: {busy}; most {row['limit']}"
        )
    return "\n".join(lines)
