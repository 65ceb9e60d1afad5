"""Short gaps."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.maths import quaternion
from dactyl.vision.bridging import Bridge

MS = 1_000_000


def turned(angle: float) -> np.ndarray:
    return np.asarray(quaternion.from_rotation_vector(np.array([0.0, angle, 0.0])))


def moving(bridge: Bridge, *times_ms: int) -> None:
    """Believed poses of an object that moves 1 m/s along x and turns 5 rad/s."""
    for time_ms in times_ms:
        bridge.believe(time_ms * MS, np.array([1e-3 * time_ms, 0.0, 0.0]), turned(5e-3 * time_ms))


def test_motion_is_carried_on() -> None:
    """Protects the policy from a pose that stands still while the object moves."""
    bridge = Bridge(160 * MS)
    moving(bridge, 80, 160)
    found = bridge.at(240 * MS)
    assert found is not None
    assert found.stamp_ns == 240 * MS
    np.testing.assert_allclose(found.position, [0.24, 0.0, 0.0], atol=1e-9)
    assert quaternion.difference_angle(found.orientation, turned(1.2)) < 1e-6
    again = bridge.at(320 * MS)
    assert again is not None
    np.testing.assert_allclose(again.position, [0.32, 0.0, 0.0], atol=1e-9)


def test_it_ends_after_its_time() -> None:
    """Protects the hand from acting on an object that nobody has seen for long."""
    bridge = Bridge(160 * MS)
    assert bridge.at(80 * MS) is None
    moving(bridge, 80, 160)
    assert bridge.at(320 * MS) is not None
    assert bridge.at(321 * MS) is None
    assert bridge.at(160 * MS) is None, "nothing to bridge"
    assert bridge.at(100 * MS) is None
    moving(bridge, 400)
    assert bridge.at(480 * MS) is not None
    off = Bridge(0)
    moving(off, 80, 160)
    assert off.at(161 * MS) is None


@pytest.mark.parametrize("times", [(160,), (10_000, 10_800)])
def test_one_pose_or_two_far_apart_say_nothing_of_motion(times: tuple[int, ...]) -> None:
    bridge = Bridge(160 * MS)
    moving(bridge, *times)
    found = bridge.at((times[-1] + 80) * MS)
    assert found is not None
    np.testing.assert_allclose(found.position, [1e-3 * times[-1], 0.0, 0.0])


@pytest.mark.parametrize(("moved", "angle"), [(0.13, 0.0), (0.0, 0.9)])
def test_a_jump_is_no_motion(moved: float, angle: float) -> None:
    """Protects from a wrong answer that would be carried on to a worse one, and from an object that was put back."""
    bridge = Bridge(160 * MS)
    bridge.believe(80 * MS, np.zeros(3), turned(0.0))
    bridge.believe(160 * MS, np.array([moved, 0.0, 0.0]), turned(angle))
    found = bridge.at(240 * MS)
    assert found is not None
    np.testing.assert_allclose(found.position, [moved, 0.0, 0.0])
    assert quaternion.difference_angle(found.orientation, turned(angle)) < 1e-6


def test_an_overtaken_pose_is_left_out() -> None:
    bridge = Bridge(160 * MS)
    moving(bridge, 80, 160, 100)
    found = bridge.at(240 * MS)
    assert found is not None
    np.testing.assert_allclose(found.position, [0.24, 0.0, 0.0], atol=1e-9)
