"""Several worlds rendered at once: processes that each draw a part of the pictures."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

import numpy as np

from dactyl.errors import DactylError
from dactyl.simulation.appearance import Look
from dactyl.simulation.appearance.studio import Studio
from dactyl.simulation.appearance.studio_scene import make_studio
from dactyl.simulation.scene import SceneConfig
from dactyl.vision.renderers import Renderer, RendererOptions, make_renderer


def make_renderers(scene: SceneConfig, options: RendererOptions, processes: int) -> tuple[Studio, Renderer]:
    """A renderer, in this process or shared out to so many, and the scene that it renders.

    Raises:
        DactylError: it is not to be had.
    """
    if processes == 1:
        return make_renderer(scene, options)
    return make_studio(scene, palettes=1), RendererPool(scene, options, processes)


class RendererPool:
    """A `Renderer` that shares the states out; each is drawn as one renderer would."""

    def __init__(self, scene: SceneConfig, options: RendererOptions, processes: int) -> None:
        """Start the processes; each compiles the scene for itself."""
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection[Any, Any]] = []
        self._workers: list[SpawnProcess] = []
        for _ in range(processes):
            ours, theirs = context.Pipe()
            worker = context.Process(target=_work, args=(theirs, scene, options, os.getpid()), daemon=True)
            worker.start()
            theirs.close()
            self._pipes.append(ours)
            self._workers.append(worker)

    def render(self, qpos: np.ndarray, looks: Sequence[Look]) -> np.ndarray:
        """States (n, nq), n at least 1, and n looks -> (n, 3, size, size, 3) uint8 RGB.

        Raises:
            DactylError: a process cannot render, or has ended.
        """
        parts = [part for part in np.array_split(np.arange(len(qpos)), len(self._pipes)) if len(part)]
        busy = list(zip(self._pipes, parts, strict=False))
        try:
            for pipe, part in busy:
                pipe.send((qpos[part], [looks[i] for i in part]))
            drawn = [pipe.recv() for pipe, _ in busy]
        except (EOFError, OSError) as error:
            raise DactylError("a rendering process has ended; the reason is above") from error
        if failed := [answer for answer in drawn if isinstance(answer, str)]:
            raise DactylError(failed[0])
        return np.concatenate(drawn)

    def close(self) -> None:
        """End the processes."""
        for pipe in self._pipes:
            pipe.close()
        for worker in self._workers:
            worker.join(timeout=10.0)
            if worker.is_alive():
                worker.terminate()


def _work(pipe: Connection[Any, Any], scene: SceneConfig, options: RendererOptions, parent: int) -> None:
    """Draw what comes through the pipe until nobody is at its other end any more."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is for the evaluation, which ends this process
    renderer: Renderer | None = None
    failure = ""
    try:
        renderer = make_renderer(scene, options)[1]
    except DactylError as error:
        failure = str(error)
    while os.getppid() == parent:
        try:
            if not pipe.poll(1.0):
                continue
            qpos, looks = pipe.recv()
            pipe.send(failure if renderer is None else renderer.render(qpos, looks))
        except (EOFError, OSError):
            break
    if renderer is not None:
        renderer.close()
