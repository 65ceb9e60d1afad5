"""Small environments are fastest on one thread, and tests that run side by side do not fight for cores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from dactyl.robot import robot as robots
from dactyl.robot.robot import Robot
from tests.toys import installed_toys

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def arm() -> Iterator[Robot]:
    """The toy that takes torques."""
    with installed_toys():
        yield robots.load("arm")
