"""A slow tracker by stamps: how often, how old, and what it says of an object that it does not see."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.robot.late_poses import LatePoses
from dactyl.robot.markers import RigidPose

MS = 1_000_000


def pose(ms: int) -> RigidPose:
    """One that says when it was measured."""
    return RigidPose(np.array([float(ms), 0.0, 0.0]), np.array([1.0, 0.0, 0.0, 0.0]), 0.0)


def shown(poses: LatePoses, times: range, seen: bool = True) -> list[float | None]:
    """When what is shown at each of these times, ms, was measured."""
    found = [poses.show(t * MS, pose(t) if seen else None) for t in times]
    return [None if each is None else float(each.position[0]) for each in found]


def test_without_period_and_delay_each_frame_has_its_own_pose() -> None:
    """Protects every graph that has no slow tracker: what was measured goes through, and so does that nothing was."""
    poses = LatePoses(0.0, 0.0)
    measured = pose(5)
    assert poses.show(5 * MS, measured) is measured
    assert poses.show(10 * MS, None) is None
    assert shown(poses, range(15, 30, 5)) == [15.0, 20.0, 25.0]


def test_ten_poses_a_second_are_90_ms_old_when_they_come() -> None:
    """The TriFinger's: one serves five control steps of 20 ms."""
    found = shown(LatePoses(0.1, 0.09), range(0, 500, 20))
    assert found == [0.0] * 10 + [100.0] * 5 + [200.0] * 5 + [300.0] * 5


def test_a_delay_alone_shows_each_frame_later() -> None:
    assert shown(LatePoses(0.0, 0.04), range(0, 120, 20)) == [0.0, 0.0, 0.0, 20.0, 40.0, 60.0]


def test_what_is_not_seen_is_not_shown_for_ever() -> None:
    """Protects the referee: a pose with a new stamp must not hide that the object is out of sight."""
    poses = LatePoses(0.1, 0.04)
    assert shown(poses, range(0, 200, 20))[-1] == 60.0
    lost = shown(poses, range(200, 400, 20), seen=False)
    assert lost[0] == 160.0
    assert lost[-1] is None


@pytest.mark.parametrize("period", [0.0, 0.1])
def test_a_clock_that_begins_anew_forgets_what_was(period: float) -> None:
    """Protects replays and restarted simulators."""
    poses = LatePoses(period, 0.09)
    shown(poses, range(0, 1000, 20))
    assert shown(poses, range(0, 60, 20)) == [0.0, 0.0, 0.0]


def test_little_is_kept() -> None:
    """Protects a node that runs for days."""
    poses = LatePoses(0.1, 0.09)
    shown(poses, range(0, 60_000, 20))
    assert len(poses._past) < 20
