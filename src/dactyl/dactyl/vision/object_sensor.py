"""The pose estimator as the object sensor of the batched environment: all of it rendered at every control step."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dactyl.simulation.appearance import Appearance
from dactyl.simulation.scene import SceneConfig
from dactyl.storage.models import estimator_for
from dactyl.storage.weights import digest
from dactyl.vision.estimator import Estimator
from dactyl.vision.parallel import make_renderers
from dactyl.vision.renderers import RendererOptions
from dactyl.vision.sources import SOURCES, renderer_of


class VisionSensor:
    """An `object_sensor` for `Environment`: states -> pictures -> poses.

    Every environment looks different and keeps its look, as a laboratory does from trial to trial.
    """

    def __init__(
        self, estimator: Estimator, scene: SceneConfig, num_envs: int, seed: int, renderer: str, *,
        processes: int = 1, device: str = "cpu",
    ) -> None:  # fmt: skip
        """
        Args:
            estimator: of the object's pose.
            scene: what the environment simulates.
            num_envs: how many.
            seed: of their looks.
            renderer: opengl, raytracer, or one of `sources.SOURCES`, which the estimator's file makes one of them.
            processes: that render side by side.
            device: to trace rays on.
        """
        contract = estimator.contract
        self.estimator = estimator
        random = np.random.default_rng([seed, 5])
        appearance = Appearance()
        self.looks = [appearance.sample(random) for _ in range(num_envs)]
        kind = renderer_of(estimator, renderer) if renderer in SOURCES else renderer
        options = RendererOptions(
            kind, contract.architecture.image_size, contract.crop, seed=seed, device=device,
            shadows=kind != contract.renderer,
        )  # fmt: skip
        _, self.renderer = make_renderers(scene, options, processes)
        self.about: Mapping[str, Any] = {
            "estimator": digest(estimator.network.state_dict()), "renderer": kind,
            "renderer_was_trained_on": kind in contract.renderers,
        }  # fmt: skip
        self.watched: Tensor | None = None
        """(N,) bool: where somebody cares; None: everywhere."""
        self.seconds = 0.0
        """That the last look took."""
        self.pictures_per_s = 0.0
        """Of the last look."""
        self._position, self._orientation = torch.zeros(num_envs, 3), torch.zeros(num_envs, 4)

    def __call__(self, qpos: Tensor) -> tuple[Tensor, Tensor]:
        """States (N, nq) -> position (N, 3) and orientation (N, 4), float32, robot frame; where nothing is watched
        the last ones."""
        start = time.monotonic()
        indices = range(len(qpos)) if self.watched is None else self.watched.nonzero().flatten().tolist()
        if indices:
            states, looks = qpos.cpu().numpy()[list(indices)], [self.looks[index] for index in indices]
            estimate = self.estimator.estimate(self.renderer.render(states, looks))
            self._position[list(indices)] = torch.as_tensor(estimate.position, dtype=torch.float32)
            self._orientation[list(indices)] = torch.as_tensor(estimate.orientation, dtype=torch.float32)
        self.seconds = time.monotonic() - start
        self.pictures_per_s = len(indices) * len(self.estimator.contract.cameras) / max(self.seconds, 1e-9)
        return self._position.to(qpos.device, copy=True), self._orientation.to(qpos.device, copy=True)

    def close(self) -> None:
        """End what renders."""
        self.renderer.close()


def sensor_factory(
    path: Path | None, renderer: str, seed: int, *, processes: int = 1, device: str = "cpu"
) -> Callable[[SceneConfig, int], VisionSensor]:
    """Makes the sensor for a scene and so many environments, from an estimator's file or the object's shipped one."""

    def make(scene: SceneConfig, num_envs: int) -> VisionSensor:
        estimator = Estimator.load(estimator_for(scene.object, path), scene.object)
        return VisionSensor(estimator, scene, num_envs, seed, renderer, processes=processes, device=device)

    return make
