"""Tests of the simulated GR1 need the package with its model, which no other file of the repository does."""

from __future__ import annotations

import pytest

from dactyl.simulation.scene import Scene, SceneConfig
from tests.simulation.scenes import scene_or_skip


@pytest.fixture(scope="session")
def scene() -> Scene:
    """The right arm and its Fourier hand, with a cylinder on the table."""
    return scene_or_skip(SceneConfig(robot="gr1_right", object="cylinder"))


@pytest.fixture(scope="session")
def both() -> Scene:
    """Both arms, with a carton."""
    return scene_or_skip(SceneConfig(robot="gr1", object="carton"))
