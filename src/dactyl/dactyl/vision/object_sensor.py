"""The pose estimator's eyes in the batched environment: every world rendered at every control step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dactyl.simulation.appearance import Appearance
from dactyl.simulation.scene import SceneConfig
from dactyl.storage.models import estimator_for
from dactyl.vision.chunks import Renderer, make_renderer
from dactyl.vision.estimator import Estimator


class Sight:
    """An `object_sensor` for `Environment`: states -> pictures -> poses.

    Every world looks different and keeps its look, as a laboratory does from trial to trial.
    """

    def __init__(self, estimator: Estimator, scene: SceneConfig, worlds: int, seed: int, renderer: str) -> None:
        """
        Args:
            estimator: of the object's pose.
            scene: what the environment simulates.
            worlds: how many.
            seed: of their looks.
            renderer: opengl or raytracer.
        """
        contract = estimator.contract
        self.estimator = estimator
        random = np.random.default_rng([seed, 5])
        appearance = Appearance()
        self.looks = [appearance.sample(random) for _ in range(worlds)]
        self.renderer: Renderer
        _, self.renderer = make_renderer(
            renderer, scene, contract.architecture.image_size, contract.crop, seed=seed, shadows=True
        )

    def __call__(self, qpos: Tensor) -> tuple[Tensor, Tensor]:
        """States (N, 31) -> position (N, 3) and orientation (N, 4), float32, hand frame."""
        estimate = self.estimator.estimate(self.renderer.render(qpos.cpu().numpy(), self.looks))
        return tuple(  # type: ignore[return-value]
            torch.as_tensor(values, dtype=torch.float32, device=qpos.device)
            for values in (estimate.position, estimate.orientation)
        )


def sight_factory(path: Path | None, renderer: str, seed: int) -> Callable[[SceneConfig, int], Sight]:
    """Makes the eyes for a scene and a number of worlds, from an estimator's file or the object's shipped one."""

    def make(scene: SceneConfig, worlds: int) -> Sight:
        estimator = Estimator.load(estimator_for(scene.object, path), scene.object)
        return Sight(estimator, scene, worlds, seed, renderer)

    return make
