"""The exercise moves one group at a time, through everything that it can reach."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.calibration.model.exercise import exercise_of, motion
from dactyl.robot import robot as robots
from dactyl.robot.robot import Robot

SHADOW = robots.load("shadow")


def test_the_shadow_hands_exercise_takes_a_few_minutes() -> None:
    """Autotune's 2,000 steps; the paper's whole recording lasts a few minutes."""
    steps = len(motion(SHADOW, exercise_of(SHADOW)))
    assert 1950 < steps < 2100
    assert 2.5 < steps * SHADOW.timing.control / 60.0 < 3.0


def test_one_finger_moves_at_a_time() -> None:
    exercise = exercise_of(SHADOW)
    moving = np.abs(np.diff(motion(SHADOW, exercise), axis=0)) > 0
    groups = [[SHADOW.actuators.index(name) for name in group] for group in exercise.groups.values()]
    busy = np.stack([moving[:, group].any(axis=1) for group in groups], axis=1)
    assert busy.sum(axis=1).max() == 1
    assert list(exercise.groups) == ["WR", "FF", "MF", "RF", "LF", "TH"]


@pytest.mark.parametrize("name", ["shadow", "tray"])
def test_every_actuator_is_run_to_both_limits_and_stays_inside(name: str, tray: Robot) -> None:
    robot = tray if name == "tray" else SHADOW
    targets = motion(robot, exercise_of(robot))
    np.testing.assert_allclose(targets.min(axis=0), robot.actuator_limits[:, 0])
    np.testing.assert_allclose(targets.max(axis=0), robot.actuator_limits[:, 1])
