"""The Shadow hand's data: the paper's figures, and what the hand is."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.robots.shadow import ROBOT


def test_actions_and_times_are_the_papers() -> None:
    """Section 4.2, appendix C.1 and its footnote 15."""
    assert (ROBOT.action.bins, ROBOT.action.smoothing) == (11, 0.3)
    assert (ROBOT.timing.control, ROBOT.timing.physics, ROBOT.timing.substeps) == (0.08, 0.008, 10)


def test_it_has_24_joints_20_actuators_and_five_fingertips() -> None:
    assert (len(ROBOT.joints), len(ROBOT.actuators), len(ROBOT.fingertips)) == (24, 20, 5)
    assert ROBOT.ros_name("FFJ3") == "rh_FFJ3"


def test_the_wrist_locks_inside_its_range() -> None:
    """Section 6.1: only the wrist's pitch."""
    ((joint, angle),) = ROBOT.locked.items()
    assert joint == "WRJ1"
    lower, upper = ROBOT.actuator_limits[ROBOT.actuators.index(joint)]
    assert lower < angle < upper


def test_base_markers_can_be_told_apart_by_their_distances() -> None:
    positions = ROBOT.markers.base
    distances = np.sort([np.linalg.norm(a - b) for i, a in enumerate(positions) for b in positions[:i]])
    assert np.diff(distances).min() > 0.003


def test_cameras_are_half_a_metre_away_and_look_down() -> None:
    """Appendix B.3."""
    assert ROBOT.cameras.distance == pytest.approx(0.5)
    assert len(ROBOT.cameras.places) == 3
    assert all(30.0 < elevation < 70.0 for _, elevation in ROBOT.cameras.places.values())
