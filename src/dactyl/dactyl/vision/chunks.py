"""Moments rendered ahead of training, in chunks, by processes beside it.

A chunk depends on the preset, the states and its own number alone, so training is repeatable however fast either side
is, and a chunk that is missing when training goes on is rendered again. Chunks travel as files.
"""

from __future__ import annotations

import importlib.util
import io
import multiprocessing
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from dactyl.errors import DactylError
from dactyl.simulation.appearance import Appearance, Look
from dactyl.simulation.appearance.materials import ObjectColourRanges
from dactyl.simulation.appearance.studio import Studio
from dactyl.simulation.appearance.studio_scene import make_studio
from dactyl.simulation.scene import SceneConfig
from dactyl.storage.files import write_atomically
from dactyl.vision.config import VisionConfig
from dactyl.vision.keypoints import Keypoints, project
from dactyl.vision.states import Recipe, States, load, object_poses

VALIDATION = -1
"""Number of the chunk that is only looked at."""
_VALIDATION_SHARE = 0.05  # of the states, the last ones collected
_AHEAD = 4  # chunks that may wait to be used


class Renderer(Protocol):
    """Draws what the three cameras see of one scene."""

    def render(self, qpos: np.ndarray, looks: Sequence[Look]) -> np.ndarray:
        """States (n, 31) and n looks -> (n, 3, size, size, 3) uint8 RGB."""

    def close(self) -> None: ...


class Moments(NamedTuple):
    """Rendered states."""

    pictures: np.ndarray
    """(n, 3, size, size, 3) uint8 RGB"""
    position: np.ndarray
    """(n, 3) of the object in the hand frame, m"""
    orientation: np.ndarray
    """(n, 4)"""
    keypoints: Keypoints
    seconds: float
    """What rendering took."""


def scene_config(recipe: Recipe) -> SceneConfig:
    """The scene that states were collected in."""
    return SceneConfig(recipe.object, locked_wrist=recipe.locked_wrist, tilt=recipe.fingers_raised)


def make_renderer(
    kind: str, scene: SceneConfig, size: int, crop: float, *, colours: ObjectColourRanges | None = None, seed: int = 0,
    mesh_grid: float = 0.0, device: str = "cpu", shadows: bool = False,
) -> tuple[Studio, Renderer]:  # fmt: skip
    """A renderer of `config.RENDERERS`, and what it renders; `shadows` are the ray tracer's."""
    traced = kind == "raytracer"
    if traced and importlib.util.find_spec("mujoco_warp") is None:
        raise DactylError("the ray tracer needs mujoco-warp: pip install mujoco-warp")
    studio = make_studio(scene, colours=colours, seed=seed, mesh_grid=mesh_grid, wrapped=traced)
    if not traced:
        from dactyl.simulation.appearance.opengl import OpenGLRenderer

        return studio, OpenGLRenderer(studio, size, crop)
    from dactyl.simulation.appearance.raytracer import RayTracer

    return studio, RayTracer(studio, size, crop, device, shadows=shadows)


def render_moments(
    studio: Studio, renderer: Renderer, crop: float, qpos: np.ndarray, appearance: Appearance,
    random: np.random.Generator,
) -> Moments:  # fmt: skip
    """States (n, 31) as three cameras see them, each in a look of its own."""
    began = time.monotonic()
    looks = [appearance.sample(random) for _ in qpos]
    pictures = renderer.render(qpos, looks)
    poses = object_poses(studio.scene, qpos)
    return Moments(pictures, *poses, project(studio, qpos, looks, crop), seconds=time.monotonic() - began)


def split(states: States) -> tuple[np.ndarray, np.ndarray]:
    """States to train on and states to validate on."""
    first = len(states.qpos) - max(1, round(_VALIDATION_SHARE * len(states.qpos)))
    return states.qpos[:first], states.qpos[first:]


class ChunkMaker:
    """Renders chunks."""

    def __init__(self, config: VisionConfig, states: States, device: str) -> None:
        self.config = config
        self.training, self.validation = split(states)
        self.studio, self.renderer = make_renderer(
            config.rendering.renderer, scene_config(states.recipe), config.architecture.image_size, config.crop,
            colours=config.colours, seed=config.seed, mesh_grid=config.rendering.mesh_grid, device=device,
        )  # fmt: skip

    def make(self, number: int) -> Moments:
        config = self.config
        random = np.random.default_rng([config.seed, 1, number + 1])
        states, size = self.training, config.rendering.chunk
        if number == VALIDATION:
            states, size = self.validation, config.validation
        qpos = config.poses.apply(states[random.integers(len(states), size=size)], random)
        return render_moments(self.studio, self.renderer, config.crop, qpos, config.appearance, random)

    def close(self) -> None:
        self.renderer.close()


def path_of(folder: Path, number: int) -> Path:
    return folder / ("validation.npz" if number == VALIDATION else f"chunk-{number:06d}.npz")


def write(folder: Path, number: int, moments: Moments) -> None:
    """Store a chunk, whole or not at all."""
    file = io.BytesIO()
    fields = {**moments._asdict(), **moments.keypoints._asdict()}
    np.savez(file, **{name: fields[name] for name in _STORED})
    write_atomically(path_of(folder, number), file.getvalue())


def read(folder: Path, number: int) -> Moments:
    """Load a chunk."""
    with np.load(path_of(folder, number)) as file:
        pictures, position, orientation, places, towards, seconds = (file[name] for name in _STORED)
    return Moments(pictures, position, orientation, Keypoints(places, towards), float(seconds))


_STORED = ("pictures", "position", "orientation", "places", "turned_towards", "seconds")


@dataclass
class Kitchen:
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
            if int(path.stem.rpartition("-")[2]) < oldest:
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


def _work(kitchen: Kitchen, index: int, parent: int) -> None:
    """Render every missing chunk of this worker's share, a few ahead of training, for as long as training runs."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is for training, which ends this process
    import torch

    torch.set_num_threads(1)
    maker = ChunkMaker(kitchen.config, load(kitchen.states), kitchen.device)
    while os.getppid() == parent:
        numbers = [VALIDATION, *range(kitchen.oldest.value, kitchen.needed.value + _AHEAD + 1)]
        share = [n for n in numbers if (n + 1) % kitchen.processes == index]
        missing = next((n for n in share if not path_of(kitchen.folder, n).exists()), None)
        if missing is None:
            time.sleep(0.2)
        else:
            write(kitchen.folder, missing, maker.make(missing))
    maker.close()
