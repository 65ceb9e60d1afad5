"""Processes that train one policy together: each has its own environments, gradients and statistics are averaged.

A second process on a second core collects twice as much; threads of one process share Python's lock and idle while
the networks learn.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as distributed
from torch import Tensor

from dactyl.errors import DactylError

PATIENCE = timedelta(minutes=10)  # for the slowest member, which may be making initial states


class ProcessGroup:
    """One process's view of the group: alone in it unless `rank` and `size` say more.

    Another way to bring processes together, over many machines, only has to make another one of these.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank = rank
        self.size = size

    @property
    def leads(self) -> bool:
        """Whether this process writes the log and the checkpoints."""
        return self.rank == 0

    def mean(self, x: Tensor) -> Tensor:
        """The mean of all members' tensors.

        Raises:
            DactylError: another member is gone.
        """
        if self.size == 1:
            return x
        x = x.clone()
        self._reduce(x)
        return x / self.size

    def any(self, here: bool) -> bool:
        """Whether it is so for any member."""
        return bool(self.mean(torch.tensor(float(here))) > 0)

    def average_gradients(self, parameters: Iterable[Tensor], figure: Tensor) -> Tensor:
        """Replace all gradients by their means over the members, who wait for each other once.

        Args:
            parameters: whose gradients; float32 as the figure.
            figure: a scalar that is averaged with them.

        Returns:
            The mean of the figure.
        """
        if self.size == 1:
            return figure
        gradients = [p.grad for p in parameters if p.grad is not None]
        mean = self.mean(torch.cat([figure.reshape(1), *(g.flatten() for g in gradients)]))
        for gradient, part in zip(gradients, mean[1:].split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))
        return mean[0]

    def means(self, values: Mapping[str, float]) -> dict[str, float]:
        """The mean of each figure."""
        means = self.mean(torch.tensor(list(values.values()), dtype=torch.float64))
        return dict(zip(values, means.tolist(), strict=True))

    def gather(self, state: Any) -> list[Any]:
        """All members' states in the order of their ranks for the leader, nothing for the others."""
        if self.size == 1:
            return [state]
        states = [None] * self.size if self.leads else None
        with _members():
            distributed.gather_object(state, states)
        return states or []

    def _reduce(self, x: Tensor) -> None:
        with _members():
            distributed.all_reduce(x)


ALONE = ProcessGroup()


@contextmanager
def _members() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise DactylError("another process of this training has ended") from error


def run(size: int, work: Callable[..., Any], *arguments: Any) -> Any:
    """`work(processes, *arguments)` in `size` processes, of which this one leads; returns what it returns here.

    Args:
        size: number of processes.
        work: a function of a module, since the others import it.
        arguments: what pickles.
    """
    if size == 1:
        return work(ALONE, *arguments)
    with tempfile.TemporaryDirectory() as folder:
        meeting = Path(folder) / "meeting"
        context = multiprocessing.get_context("spawn")
        others = [
            context.Process(target=_join, args=(meeting, rank, size, work, arguments), daemon=True)
            for rank in range(1, size)
        ]
        for process in others:
            process.start()
        try:
            return _take_part(meeting, 0, size, work, arguments)
        finally:
            for process in others:
                process.join(5.0)
                process.kill()


def _join(*arguments: Any) -> None:
    """A member's whole life. What ends the leader ends it, too; a signal for the terminal's group is the leader's."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _take_part(*arguments)
    except DactylError:
        os._exit(1)  # the leader says why


def _take_part(meeting: Path, rank: int, size: int, work: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    with member(f"file://{meeting}", rank, size) as processes:
        return work(processes, *arguments)


@contextmanager
def member(meeting: str, rank: int, size: int, backend: str = "gloo") -> Iterator[ProcessGroup]:
    """This process as one of a group that meets there.

    Args:
        meeting: file://PATH, or tcp://HOST:PORT of the first member.
        rank: which of them this is, from 0.
        size: how many they are.
        backend: PyTorch's name of what carries the tensors.
    """
    distributed.init_process_group(backend, init_method=meeting, rank=rank, world_size=size, timeout=PATIENCE)
    try:
        yield ProcessGroup(rank, size)
    finally:
        distributed.destroy_process_group()
