"""How fast training is and where its time goes."""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dactyl.learning.collector import Collector
from dactyl.learning.options import Device, TrainOptions
from dactyl.learning.protocol import Environment, Step
from dactyl.learning.train import check_device, configure, default_device, make_trainer

WARM_UP = 1  # iterations


class Stopwatch:
    """An environment that adds up the time spent in its steps."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._environment, name)

    def step(self, actions: Tensor, cut: Tensor | None = None) -> Step:
        _finish(actions.device)
        start = time.perf_counter()
        step = self._environment.step(actions, cut)
        _finish(actions.device)
        self.seconds += time.perf_counter() - start
        return step


def bench_train(preset: str, iterations: int = 5, device: Device | None = None, threads: int = 0) -> dict[str, Any]:
    """Train for a few iterations and take the time.

    Args:
        preset: name or path of a YAML file.
        iterations: that are timed, after one that is not.
        device: cpu or cuda; cuda where there is one by default.
        threads: CPU threads, 0 for all cores.

    Returns:
        env_steps_per_s; physics, inference and optimization as shares of the time; worlds; steps; memory_mb; on a GPU
        its name and gpu_memory_mb.
    """
    with tempfile.TemporaryDirectory() as folder:
        options = TrainOptions(out=Path(folder), device=device or default_device(), threads=threads)
        config = configure(preset, options)
        check_device(str(options.device), config)
        trainer = make_trainer(preset, config, options)
        for _ in range(WARM_UP):
            trainer.iterate()
        assert isinstance(trainer.collector, Collector)
        watch = Stopwatch(trainer.collector.environment)
        trainer.collector.environment = watch
        start, steps = time.perf_counter(), trainer.steps
        rows = [trainer.iterate() for _ in range(iterations)]
        _finish(trainer.device)
        seconds, steps = time.perf_counter() - start, trainer.steps - steps
    collecting = sum(row["collecting"] * steps / len(rows) / row["steps_per_s"] for row in rows)
    results = {
        "preset": preset,
        "device": str(trainer.device),
        "worlds": trainer.config.num_envs,
        "steps": steps,
        "env_steps_per_s": steps / seconds,
        "physics": watch.seconds / seconds,
        "inference": (collecting - watch.seconds) / seconds,
        "optimization": 1.0 - collecting / seconds,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    if trainer.device.type == "cuda":
        results["gpu"] = torch.cuda.get_device_name(trainer.device)
        results["gpu_memory_mb"] = torch.cuda.max_memory_reserved(trainer.device) / 2**20
    return results


def as_text(results: dict[str, Any]) -> str:
    """The results for people."""
    gpu = f", GPU {results['gpu_memory_mb']:,.0f} MB" if "gpu_memory_mb" in results else ""
    return (
        f"{results['preset']} on {results.get('gpu', results['device'])}, {results['worlds']} worlds: "
        f"{results['env_steps_per_s']:,.0f} environment steps/s\n"
        f"  physics {results['physics']:.0%}, inference {results['inference']:.0%}, "
        f"optimization {results['optimization']:.0%} of the time; memory {results['memory_mb']:,.0f} MB{gpu}"
    )


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
