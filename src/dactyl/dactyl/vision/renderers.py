"""The renderers that pictures to train on, and to be judged on, come from."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dactyl.errors import DactylError
from dactyl.simulation.appearance import Look
from dactyl.simulation.appearance.materials import ObjectColourRanges
from dactyl.simulation.appearance.studio import Studio
from dactyl.simulation.appearance.studio_scene import make_studio
from dactyl.simulation.scene import SceneConfig

RENDERERS = ("opengl", "raytracer")
"""opengl: MuJoCo's, on a CPU. raytracer: MJWarp's, for a GPU."""


class Renderer(Protocol):
    """Draws what the three cameras see of one scene."""

    def render(self, qpos: np.ndarray, looks: Sequence[Look]) -> np.ndarray:
        """States (n, nq), see `Scene`, and n looks -> (n, 3, size, size, 3) uint8 RGB."""

    def close(self) -> None: ...


@dataclass(frozen=True)
class RendererOptions:
    """How a scene is rendered."""

    kind: str
    """One of RENDERERS."""
    size: int
    """Pixels of a side of the square pictures."""
    crop: float
    """Side of the square, as a share of the camera image's height."""
    colours: ObjectColourRanges | None = None
    """Of the object; None: Table 9's."""
    seed: int = 0
    """Of the object's palettes."""
    mesh_grid: float = 0.0
    """See `make_studio`."""
    device: str = "cpu"
    """For the ray tracer."""
    shadows: bool = False
    """The ray tracer's; the other never has any."""


def make_renderer(scene: SceneConfig, options: RendererOptions) -> tuple[Studio, Renderer]:
    """A renderer, and the scene that it renders.

    Raises:
        DactylError: the ray tracer or OpenGL is not to be had.
    """
    traced = options.kind == "raytracer"
    if traced and importlib.util.find_spec("mujoco_warp") is None:
        raise DactylError("the ray tracer needs mujoco-warp: pip install mujoco-warp")
    studio = make_studio(scene, colours=options.colours, seed=options.seed, mesh_grid=options.mesh_grid, wrapped=traced)
    if not traced:
        from dactyl.simulation.appearance.opengl import OpenGLRenderer

        return studio, OpenGLRenderer(studio, options.size, options.crop)
    from dactyl.simulation.appearance.raytracer import RayTracer

    return studio, RayTracer(studio, options.size, options.crop, options.device, shadows=options.shadows)
