"""A robot of two joints, whose exercise takes a minute: quick to record and to calibrate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dactyl import registry
from dactyl.calibration.model import simulated
from dactyl.calibration.model.exercise import exercise_of
from dactyl.calibration.model.recording import Recording
from dactyl.calibration.model.replay import scene_of
from dactyl.calibration.model.space import Space, draw, space_of
from dactyl.robot import robot as robots
from dactyl.robot.parameters import from_vector
from dactyl.robot.robot import Robot

PLUGINS = Path(__file__).parents[2] / "plugins"


@pytest.fixture(scope="module")
def tray() -> Iterator[Robot]:
    """The tray of `tests/plugins`, as if its package were installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PLUGINS))
        for cached in (registry._places, registry.registered):
            cached.cache_clear()
        yield robots.load("tray")
    for cached in (registry._places, registry.registered):
        cached.cache_clear()


@pytest.fixture(scope="module")
def space(tray: Robot) -> Space:
    return space_of(tray, scene_of("tray").parameters)


@pytest.fixture(scope="module")
def hidden(space: Space) -> np.ndarray:
    """(P,) parameters that nobody is told."""
    return draw(space, seed=0)


@pytest.fixture(scope="module")
def recording(tray: Robot, hidden: np.ndarray) -> Recording:
    """The hidden tray's exercise, with sensor noise that suits its small range."""
    return simulated.record(tray, from_vector(tray, hidden), exercise_of(tray), seed=0, noise=0.001)
