"""A scene and a synthetic recording that several tests use."""

from __future__ import annotations

import pytest

from dactyl.robots.shadow.calibration import synthetic
from dactyl.robots.shadow.calibration.joints import Fit, calibrate
from dactyl.robots.shadow.calibration.synthetic import Synthetic
from dactyl.simulation.scene import Scene, build


@pytest.fixture(scope="session")
def scene() -> Scene:
    return build()


@pytest.fixture(scope="session")
def hand(scene: Scene) -> Synthetic:
    """Of known truth, with the paper's noise."""
    return synthetic.record(scene, seed=0, frames=500)


@pytest.fixture(scope="session")
def fit(scene: Scene, hand: Synthetic) -> Fit:
    return calibrate(scene, hand.factory, hand.recording)
