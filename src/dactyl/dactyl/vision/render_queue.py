"""Chunks rendered ahead of training by processes beside it.

A chunk depends on the preset, the states and its own number alone, so training is repeatable however fast either side
is, and a chunk that is missing when training goes on is rendered again.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from dactyl.errors import DactylError
from dactyl.vision.chunks import number_of, path_of, read, write
from dactyl.vision.config import VisionConfig
from dactyl.vision.moments import VALIDATION, MomentMaker, Moments
from dactyl.vision.states import load

_AHEAD = 4  # chunks that may wait to be used


@dataclass
class RenderQueue:
    """The processes that render chunks, and the folder they put them into."""

    config: VisionConfig
    states: Path
    folder: Path
    processes: int
    device: str

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        context = multiprocessing.get_context("spawn")
        self.needed = context.Value("q", self.config.rendering.first)
        self.oldest = context.Value("q", 0)
        self.workers = [
            context.Process(target=_work, args=(self, i, os.getpid()), daemon=True) for i in range(self.processes)
        ]
        self.waited = 0.0
        """s that training stood still for want of pictures."""

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "workers"}

    def start(self, oldest: int, newest: int) -> None:
        """Begin to render what a training that uses these chunks needs."""
        self.require(oldest, newest)
        for worker in self.workers:
            worker.start()

    def require(self, oldest: int, newest: int) -> None:
        """Say which chunks are used now; older ones are thrown away."""
        self.oldest.value, self.needed.value = oldest, newest
        for path in self.folder.glob("chunk-*.npz"):
            if number_of(path) < oldest:
                path.unlink(missing_ok=True)

    def take(self, number: int) -> Moments:
        """A chunk, once it is there.

        Raises:
            DactylError: the process that would render it has ended.
        """
        began = time.monotonic()
        while not path_of(self.folder, number).exists():
            if any(worker.exitcode is not None for worker in self.workers):
                raise DactylError("a rendering process has ended; the reason is above")
            time.sleep(0.05)
        self.waited += time.monotonic() - began
        return read(self.folder, number)

    def clear(self) -> None:
        """Throw the pictures away: some GB that can be rendered again."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self) -> None:
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            worker.join()


def _work(queue: RenderQueue, index: int, parent: int) -> None:
    """Render every missing chunk of this worker's share, a few ahead of training, for as long as training runs."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is for training, which ends this process
    import torch

    torch.set_num_threads(1)
    maker = MomentMaker(queue.config, load(queue.states), queue.device)
    while os.getppid() == parent:
        numbers = [VALIDATION, *range(queue.oldest.value, queue.needed.value + _AHEAD + 1)]
        share = [n for n in numbers if (n + 1) % queue.processes == index]
        missing = next((n for n in share if not path_of(queue.folder, n).exists()), None)
        if missing is None:
            time.sleep(0.2)
        else:
            write(queue.folder, missing, maker.make(missing))
    maker.close()
