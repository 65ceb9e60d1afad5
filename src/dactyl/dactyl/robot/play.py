"""What a robot's script does with an object, for policies to learn from: see `Robot.script`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Play(NamedTuple):
    """One script from its beginning to its end: T moments, and where the robot was told to go in each."""

    qpos: np.ndarray
    """(T, nq), the scene's."""
    qvel: np.ndarray
    """(T, nv)"""
    postures: np.ndarray
    """(T, A) rad, the actuators' targets for the control step that begins then."""
