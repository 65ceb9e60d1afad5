"""Moments: states as the three cameras see them, each in a look of its own, with the pose that is to be found."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from dactyl.simulation.appearance import Appearance
from dactyl.simulation.appearance.studio import Studio
from dactyl.vision.config import VisionConfig
from dactyl.vision.keypoints import Keypoints, hints
from dactyl.vision.renderers import Renderer, RendererOptions, make_renderer
from dactyl.vision.states import States, object_poses

VALIDATION = -1
"""Number of the chunk that is only looked at."""
_VALIDATION_SHARE = 0.05  # of the states, the last ones collected


class Moments(NamedTuple):
    """Rendered states."""

    pictures: np.ndarray
    """(n, 3, size, size, 3) uint8 RGB"""
    position: np.ndarray
    """(n, 3) of the object in the robot frame, m"""
    orientation: np.ndarray
    """(n, 4)"""
    keypoints: Keypoints
    seconds: float
    """What rendering took."""


def render_moments(
    studio: Studio, renderer: Renderer, crop: float, qpos: np.ndarray, appearance: Appearance,
    random: np.random.Generator,
) -> Moments:  # fmt: skip
    """States (n, nq) as three cameras see them, each in a look of its own."""
    began = time.monotonic()
    looks = [appearance.sample(random) for _ in qpos]
    pictures = renderer.render(qpos, looks)
    poses = object_poses(studio.scene, qpos)
    return Moments(pictures, *poses, hints(studio, qpos, looks, crop), seconds=time.monotonic() - began)


def split(states: States) -> tuple[np.ndarray, np.ndarray]:
    """States to train on and states to validate on."""
    first = len(states.qpos) - max(1, round(_VALIDATION_SHARE * len(states.qpos)))
    return states.qpos[:first], states.qpos[first:]


def halves(validation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the states that training leaves out those that certainty is fitted on, and those it is judged on."""
    middle = len(validation) // 2
    return validation[: max(1, middle)], validation[middle:]


class MomentMaker:
    """Makes chunks of moments, each by its number alone: the same again whoever makes it, and when."""

    def __init__(self, config: VisionConfig, states: States, device: str) -> None:
        self.config = config
        self.training, self.validation = split(states)
        rendering = config.rendering
        options = RendererOptions(
            rendering.renderer, config.architecture.image_size, config.crop, colours=config.colours, seed=config.seed,
            mesh_grid=rendering.mesh_grid, device=device,
        )  # fmt: skip
        self.studio, self.renderer = make_renderer(states.recipe.scene, options)
        self.second: tuple[Studio, Renderer] | None = None
        if rendering.also:
            self.second = make_renderer(states.recipe.scene, replace(options, kind=rendering.also, shadows=True))

    def make(self, number: int) -> Moments:
        """The chunk of that number, or VALIDATION."""
        config = self.config
        random = np.random.default_rng([config.seed, 1, number + 1])
        states, size = self.training, config.rendering.chunk
        if number == VALIDATION:
            states, size = self.validation, config.validation
        picked = states[random.integers(len(states), size=size)]
        qpos = config.poses.apply(self.studio.scene, picked, random)
        own = size if number == VALIDATION else size - int(config.rendering.raytracer_share * size)
        made = render_moments(self.studio, self.renderer, config.crop, qpos[:own], config.appearance, random)
        if self.second is None or own == size:
            return made
        return joined(made, render_moments(*self.second, config.crop, qpos[own:], config.appearance, random))

    def close(self) -> None:
        self.renderer.close()
        if self.second is not None:
            self.second[1].close()


def joined(first: Moments, second: Moments) -> Moments:
    """Two sets of moments as one."""
    keypoints = zip(first.keypoints, second.keypoints, strict=True)
    return Moments(
        pictures=np.concatenate([first.pictures, second.pictures]),
        position=np.concatenate([first.position, second.position]),
        orientation=np.concatenate([first.orientation, second.orientation]),
        keypoints=Keypoints(*(np.concatenate(pair) for pair in keypoints)),
        seconds=first.seconds + second.seconds,
    )
