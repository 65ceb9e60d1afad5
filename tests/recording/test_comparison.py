"""Answers to a replay against those recorded."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl import quaternion
from dactyl.recording.comparison import Action, Pose, compare_actions, compare_poses


def action(bins: int, reading: int = 0) -> Action:
    return Action((bins,) * 20, (reading, 0, 0))


def test_actions_are_compared_until_a_reading_differs() -> None:
    """Protects the verdict on a recurrent policy, whose state remembers every reading it was ever given."""
    recorded = {80: action(1), 160: action(2), 240: action(3), 320: action(4, 7), 400: action(5)}
    again = {80: action(1), 160: action(9), 320: action(4, 8), 400: action(5), 480: action(6)}
    outcome = compare_actions(recorded, again)
    assert (outcome["recorded"], outcome["again"], outcome["same_tick"], outcome["same_readings"]) == (5, 5, 4, 3)
    assert (outcome["comparable"], outcome["equal"], outcome["first_difference"]) == (2, 1, 1)


def test_poses_are_compared_with_the_nearest() -> None:
    """Protects the figures of a pose estimator: degrees, millimetres, and nothing compared across time."""
    turned = np.asarray(quaternion.from_rotation_vector(np.array([0.0, 0.1, 0.0])))
    identity = np.array([1.0, 0.0, 0.0, 0.0])
    reference = {100: Pose(np.zeros(3), identity), 200: Pose(np.ones(3), identity)}
    again = {103: Pose(np.array([0.003, 0.0, 0.004]), turned), 150: Pose(np.zeros(3), identity)}
    outcome = compare_poses(reference, again, tolerance_ns=5)
    assert outcome["compared"] == 1
    assert outcome["rotation_deg"]["mean"] == pytest.approx(np.degrees(0.1))
    assert outcome["position_mm"]["max"] == pytest.approx(5.0)
    assert compare_poses({}, again)["rotation_deg"] == {}
