"""Tests of the simulated TriFinger need the package with its model, which no other file of the repository does."""

from __future__ import annotations

import pytest

from dactyl.simulation.scene import Scene, SceneConfig
from tests.simulation.scenes import scene_or_skip


@pytest.fixture(scope="session")
def scene() -> Scene:
    """The platform with its cube, motors that take torques."""
    return scene_or_skip(SceneConfig(robot="trifinger", object="cube"))
