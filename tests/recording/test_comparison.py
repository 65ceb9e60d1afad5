"""Answers to a replay against those recorded."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.maths import quaternion
from dactyl.recording.comparison import Action, Pose, compare_actions, compare_poses


def action(bins: int) -> Action:
    return Action((bins,) * 20, (0, 0, 0))


def test_actions_are_compared_while_the_policy_is_in_step() -> None:
    """Protects the verdict on a recurrent policy, whose state remembers every question it was ever asked."""
    recorded = [action(i) for i in range(8)]
    again = [action(0), action(1), None, action(3), action(4), action(9), action(6), None]
    first = [True, False, False, False, True, False, False, False]
    outcome = compare_actions(recorded, again, first)
    assert outcome == {"recorded": 8, "asked": 6, "compared": 5, "equal": 4, "first_difference": 5}


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
