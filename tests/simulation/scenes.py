"""Scenes of every robot there is."""

from __future__ import annotations

import pytest

from dactyl.errors import MissingPackageError
from dactyl.simulation.scene import Scene, SceneConfig, build


def scene_or_skip(config: SceneConfig) -> Scene:
    """A scene, in a test that is skipped where the package with the robot's model is not installed."""
    try:
        return build(config)
    except MissingPackageError as error:
        pytest.skip(str(error))
