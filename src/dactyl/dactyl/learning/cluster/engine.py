"""`train --cluster`: connects to Ray, starts the optimizers, shows what they tell and replaces what is lost."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import ray
from ray.exceptions import LocalRayletDiedError, RayActorError, RaySystemError, RpcError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from dactyl.errors import DactylError
from dactyl.learning import checkpoint
from dactyl.learning.cluster import LOCAL
from dactyl.learning.cluster.optimizer import Optimizer, Task, for_the_cluster
from dactyl.learning.cluster.references import get
from dactyl.learning.options import TrainOptions
from dactyl.learning.trainer import signals

PATIENCE_TO_CONNECT = 10.0  # s
LOOK = 0.5  # s between two looks at what the optimizers tell
PATIENCE = 3
"""A training whose optimizers are lost so often without a new checkpoint between is given up."""
GONE = (LocalRayletDiedError, RaySystemError, RpcError)
"""What Ray raises where the cluster itself is lost: its head, or this machine's part of it."""


def train(task: Task) -> dict[str, Any]:
    """Train on a cluster until it is done, the time is up or a signal comes; returns what `Trainer.run` does.

    Raises:
        DactylError: there is no such cluster, or what training itself raises.
    """
    task = for_the_cluster(task)
    with connected(task.options), signals() as received:  # in this order: Ray has handlers of its own
        deadline = time.monotonic() + 60.0 * task.options.minutes
        lost, seen = 0, _newest(task)
        while True:
            left = max(0.0, deadline - time.monotonic()) / 60.0
            try:
                return _attempt(replace(task, options=replace(task.options, minutes=left)), received)
            except GONE as error:
                raise DactylError(f"the cluster is lost; go on with --resume {task.options.out}") from error
            except RayActorError as error:
                if received:
                    raise DactylError(
                        f"stopped by {received[0]} while an optimizer was lost; go on with --resume"
                    ) from error
            newest = _newest(task)
            lost, seen = (lost + 1 if newest == seen else 1), newest
            if lost >= PATIENCE:
                raise DactylError(f"an optimizer was lost {PATIENCE} times without a new checkpoint between")
            task = replace(task, options=replace(task.options, resume=newest or task.options.resume))
            where = f"goes on from {newest.name}" if newest else "begins again"
            _show(f"an optimizer was lost; training {where}\n")


@contextmanager
def connected(options: TrainOptions) -> Iterator[None]:
    """A cluster of this machine's own for as long, or one that is there already."""
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if options.cluster == LOCAL:
            cores = max(os.cpu_count() or 1, options.threads * max(options.rollout_workers, options.workers))
            context = ray.init("local", num_cpus=cores, dashboard_host="127.0.0.1", **quiet)
        else:
            _find(str(options.cluster))
            context = ray.init(options.cluster, **quiet)
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise DactylError(f"no Ray cluster at {options.cluster}: {reason}") from error
    try:
        dashboard = f", dashboard http://{context.dashboard_url}" if context.dashboard_url else ""
        _show(f"Ray at {ray.get_runtime_context().gcs_address}{dashboard}\n")
        yield
    finally:
        ray.shutdown()


def _find(address: str) -> None:
    """Raise OSError or ValueError where nobody listens: Ray itself would try for minutes."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        raise ValueError("a cluster is local, auto or HOST:PORT")
    socket.create_connection((host, int(port)), PATIENCE_TO_CONNECT).close()


def _attempt(task: Task, received: list[str]) -> dict[str, Any]:
    """One life of the optimizers.

    Raises:
        RayActorError: one of them is lost.
    """
    team = [_hire(rank, task) for rank in range(task.options.workers)]
    try:
        meeting = get(team[0].meeting.remote())
        running = [optimizer.train.remote(task, meeting) for optimizer in team]
        return _watch(team, running, received)
    finally:
        for optimizer in team:
            with suppress(*GONE):
                ray.kill(optimizer)


def _hire(rank: int, task: Task) -> Any:
    """An optimizer; the first one where this command runs, if there is room: it writes the checkpoints."""
    gpus = 1 if task.options.device == "cuda" else 0
    simulates = not task.options.rollout_workers
    cores = task.options.threads if simulates and not gpus else 0
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
    return (
        ray.remote(Optimizer)
        .options(
            num_gpus=gpus,
            num_cpus=cores,
            max_concurrency=4,
            scheduling_strategy=here if rank == 0 else "SPREAD",
        )
        .remote(rank, task.interactive)
    )


def _watch(team: list[Any], running: list[Any], received: list[str]) -> dict[str, Any]:
    """Show what is told, hand on signals, and return what the first one does once all are done."""
    told = False
    while True:
        _, going = ray.wait(running, num_returns=len(running), timeout=LOOK)
        done = [reference for reference in running if reference not in going]
        with suppress(RayActorError):
            _show(get(team[0].told.remote()))
        if received and not told:
            told = True
            for optimizer in team:
                optimizer.stop.remote(received[0])
        if done:
            _raise_loss(running)
            for reference in done:
                get(reference)
        if not going:
            with suppress(RayActorError):
                _show(get(team[0].told.remote()))
            return get(running[0])


def _raise_loss(running: list[Any]) -> None:
    """The others say that somebody is gone, too: who is gone comes first."""
    time.sleep(LOOK)
    done, _ = ray.wait(running, num_returns=len(running), timeout=0.0)
    for reference in done:
        with suppress(DactylError):
            get(reference)


def _newest(task: Task) -> Any:
    assert task.options.out is not None
    found = checkpoint.find(task.options.out)
    return found[-1] if found else None


def _show(text: str) -> None:
    if text:
        print(text, end="", file=sys.stderr, flush=True)
