"""The pose estimator as the object sensor of the batched environment: all of it rendered at every control step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dactyl.simulation.appearance import Appearance
from dactyl.simulation.scene import SceneConfig
from dactyl.storage.models import estimator_for
from dactyl.vision.estimator import Estimator
from dactyl.vision.renderers import RendererOptions, make_renderer


class VisionSensor:
    """An `object_sensor` for `Environment`: states -> pictures -> poses.

    Every environment looks different and keeps its look, as a laboratory does from trial to trial.
    """

    def __init__(self, estimator: Estimator, scene: SceneConfig, num_envs: int, seed: int, renderer: str) -> None:
        """
        Args:
            estimator: of the object's pose.
            scene: what the environment simulates.
            num_envs: how many.
            seed: of their looks.
            renderer: opengl or raytracer.
        """
        contract = estimator.contract
        self.estimator = estimator
        random = np.random.default_rng([seed, 5])
        appearance = Appearance()
        self.looks = [appearance.sample(random) for _ in range(num_envs)]
        options = RendererOptions(renderer, contract.architecture.image_size, contract.crop, seed=seed, shadows=True)
        _, self.renderer = make_renderer(scene, options)

    def __call__(self, qpos: Tensor) -> tuple[Tensor, Tensor]:
        """States (N, nq) -> position (N, 3) and orientation (N, 4), float32, robot frame."""
        estimate = self.estimator.estimate(self.renderer.render(qpos.cpu().numpy(), self.looks))
        return tuple(  # type: ignore[return-value]
            torch.as_tensor(values, dtype=torch.float32, device=qpos.device)
            for values in (estimate.position, estimate.orientation)
        )


def sensor_factory(path: Path | None, renderer: str, seed: int) -> Callable[[SceneConfig, int], VisionSensor]:
    """Makes the sensor for a scene and so many environments, from an estimator's file or the object's shipped one."""

    def make(scene: SceneConfig, num_envs: int) -> VisionSensor:
        estimator = Estimator.load(estimator_for(scene.object, path), scene.object)
        return VisionSensor(estimator, scene, num_envs, seed, renderer)

    return make
