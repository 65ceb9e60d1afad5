"""Between messages and numbers."""

from __future__ import annotations

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Quaternion

from dactyl.ros import messages


def test_a_message_without_a_rotation_is_nan() -> None:
    """Protects the policy from the all-zero quaternion of an unfilled message."""
    np.testing.assert_allclose(messages.orientation(Quaternion(w=0.0, x=2.0, y=0.0, z=0.0)), [0, 1, 0, 0])
    assert np.isnan(messages.orientation(Quaternion(w=0.0))).all()
    assert np.isnan(messages.orientation(Quaternion(w=float("nan")))).all()


def test_stamps_survive() -> None:
    """Protects every stamp: nanoseconds, past the second."""
    message = Time()
    messages.set_stamp(message, 12_000_000_034)
    assert (message.sec, message.nanosec) == (12, 34)
    assert messages.nanoseconds(message) == 12_000_000_034
