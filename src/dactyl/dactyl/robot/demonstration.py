"""A task done by a robot's script, for policies to learn from: see `Robot.demonstrations`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Demonstration(NamedTuple):
    """T moments from the beginning to the end, and where the robot was told to go in each."""

    qpos: np.ndarray
    """(T, nq), the scene's."""
    qvel: np.ndarray
    """(T, nv)"""
    postures: np.ndarray
    """(T, A) rad, the actuators' targets for the control step that begins then."""
