"""States without a policy, and a network small enough to train in a test."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from dactyl.maths import quaternion
from dactyl.simulation.scene import build
from dactyl.vision.config import RenderingConfig, VisionConfig
from dactyl.vision.networks import PoseArchitecture
from dactyl.vision.states import FORMAT, INDEX, Recipe

TINY = PoseArchitecture(
    image_size=48, stem_channels=8, stem_stride=2, pool=2, channels=(8, 24), blocks=(1, 1), strides=(1, 2), peaks=True,
    dense=32, rotation="matrix",
)  # fmt: skip


def random_states(number: int, seed: int = 0) -> np.ndarray:
    """(n, 31) the hand at rest, the object above the palm in random orientations."""
    random = np.random.default_rng(seed)
    qpos = np.tile(build().model.qpos0, (number, 1))
    qpos[:, 24:27] += random.normal(scale=0.01, size=(number, 3))
    qpos[:, 27:31] = quaternion.uniform(random.normal(size=(number, 4)))
    return qpos.astype(np.float32)


@pytest.fixture
def states_folder(tmp_path: Path) -> Path:
    """A folder as `vision collect` leaves it."""
    folder = tmp_path / "states"
    folder.mkdir()
    np.savez(folder / "states-000000.npz", qpos=random_states(64))
    recipe = Recipe("none", "block", locked_wrist=False, tilt=0.1, seed=0, worlds=8, records=8)
    index = {"format": FORMAT, "recipe": asdict(recipe), "shards": ["states-000000.npz"]}
    (folder / INDEX).write_text(json.dumps(index))
    return folder


@pytest.fixture
def config(states_folder: Path) -> VisionConfig:
    rendering = RenderingConfig(renderer="opengl", chunk=16, first=1, kept=2, uses=2.0, mesh_grid=0.01)
    return VisionConfig(
        states=str(states_folder), architecture=TINY, batches=8, batch=8, validation=16, validate_every=4,
        schedule="cosine", learning_rate=1e-3, keypoint_weight=1.0, rendering=rendering,
    )  # fmt: skip
