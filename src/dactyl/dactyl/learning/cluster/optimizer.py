"""An actor that learns: a `Trainer` with a GPU or a core of its own, and rollout workers if it shall not simulate."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import ray
import torch

from dactyl.learning.cluster.collector import RemoteCollector, RemoteEnvironments
from dactyl.learning.cluster.crew import Crew
from dactyl.learning.cluster.worker import Job, MakeEnvironment
from dactyl.learning.collector import Collector
from dactyl.learning.config import TrainingConfig
from dactyl.learning.options import TrainOptions
from dactyl.learning.policy import Contract
from dactyl.learning.process_group import ALONE, ProcessGroup, member
from dactyl.learning.trainer import RANKS_APART, CollectorFactory, Trainer

BACKENDS = {"cpu": "gloo", "cuda": "cpu:gloo,cuda:nccl"}
"""PyTorch's carriers of tensors, by the device that learns."""


@dataclass(frozen=True)
class Task:
    """What all optimizers of a training are told."""

    config: TrainingConfig
    contract: Contract
    options: TrainOptions
    """With `out`, `device` and `threads` chosen."""
    make_environment: MakeEnvironment
    """What one simulates: a rollout worker, or an optimizer where there are none."""
    interactive: bool
    """Progress is shown on a terminal."""


class Mailbox(io.StringIO):
    """What a training tells, until somebody far away asks for it."""

    def __init__(self, interactive: bool) -> None:
        super().__init__()
        self._interactive, self._lock = interactive, threading.Lock()

    def isatty(self) -> bool:
        return self._interactive

    def write(self, text: str, /) -> int:
        with self._lock:
            return super().write(text)

    def empty(self) -> str:
        """All that was told since."""
        with self._lock:
            text = self.getvalue()
            self.seek(0)
            self.truncate()
            return text


class Optimizer:
    """Plain Python, which `engine` makes an actor of; `train` runs beside its other methods."""

    def __init__(self, rank: int, interactive: bool) -> None:
        self.rank = rank
        self.received: list[str] = []
        self.terminal = Mailbox(interactive)

    def meeting(self) -> str:
        """Where the others find this one, which is the first."""
        with socket.socket() as probe:
            probe.bind(("", 0))
            return f"tcp://{ray.util.get_node_ip_address()}:{probe.getsockname()[1]}"

    def stop(self, signal: str) -> None:
        """End `train` after this iteration, with a checkpoint."""
        self.received.append(signal)

    def told(self) -> str:
        """What there is to show a person since the last call."""
        return self.terminal.empty()

    def train(self, task: Task, meeting: str) -> dict[str, Any]:
        """Train together with the others; what `Trainer.run` returns."""
        device, size = str(task.options.device), task.options.workers
        torch.set_num_threads(task.options.threads)
        group: AbstractContextManager[ProcessGroup] = nullcontext(ALONE)
        if size > 1:
            group = member(meeting, self.rank, size, BACKENDS[device])
        with group as processes:
            crew = self._crew(task) if task.options.rollout_workers else None
            try:
                trainer = self._trainer(task, processes, crew)
                return trainer.run(task.options.minutes, self.received, self.terminal)
            finally:
                if crew:
                    crew.dismiss()

    def _crew(self, task: Task) -> Crew:
        job = Job(task.config, task.contract, task.make_environment, task.options.threads)
        size = task.options.rollout_workers // task.options.workers
        return Crew(job, size, task.config.seed + RANKS_APART * self.rank, self._say)

    def _say(self, text: str) -> None:
        print(text, file=self.terminal)

    def _trainer(self, task: Task, processes: ProcessGroup, crew: Crew | None) -> Trainer:
        options = task.options
        assert options.out is not None
        make: Callable[[Any, int], Any] = task.make_environment
        collect: CollectorFactory = Collector
        if crew:
            device = torch.device(str(options.device))
            make = lambda environment, seed: RemoteEnvironments(crew, environment, seed, device)  # noqa: E731
            collect = partial(
                RemoteCollector,
                synchronous=options.synchronous,
                max_age=options.max_age,
                optimizers=options.workers,
            )
        return Trainer(task.config, make, task.contract, options.out, options.resume, processes, collect)


def for_the_cluster(task: Task) -> Task:
    """The same task, as it may travel: paths that hold on every machine that shares this one's files."""
    out, resume = task.options.out, task.options.resume
    assert out is not None
    options = replace(task.options, out=out.resolve(), resume=resume and resume.resolve())
    return replace(task, options=options)
