"""Small environments for the tests."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.environment import Environment
from dactyl.environment.randomization import select
from dactyl.simulation.scene import SceneConfig

STILL = 5  # the bin of no motion


def make(
    num_envs: int = 4,
    randomizations: str = "all",
    *,
    seed: int = 1,
    threads: int = 1,
    scene: SceneConfig | None = None,
    reset: bool = True,
    **config: Any,
) -> Environment:
    """An environment at the start of its episodes; only 3 random actions before them unless asked for more."""
    options = {"start_steps": 3, "randomization": select(randomizations), "scene": scene or SceneConfig(), **config}
    env = Environment(EnvironmentConfig(**options), num_envs, seed=seed, threads=threads)
    if reset:
        env.reset()
    return env


def play(num_envs: int, steps: int, seed: int = 0) -> Tensor:
    """Random bins (steps, N, 20) of the Shadow hand."""
    return torch.randint(11, (steps, num_envs, 20), generator=torch.Generator().manual_seed(seed))


def hold(num_envs: int) -> Tensor:
    """Bins (N, 20) that ask for no motion."""
    return torch.full((num_envs, 20), STILL)
