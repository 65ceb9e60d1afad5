"""What is known about the hand: names, order, ranges, coupling."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.robots.shadow.joints import (
    ACTUATION,
    ACTUATOR_LIMITS,
    ACTUATORS,
    FINGERS,
    JOINT_LIMITS,
    JOINTS,
    joints_of,
    ros_joint_name,
)

# degrees, as printed in Shadow's user guide for the E3 hand
GUIDE = {
    "FF1": (0, 90), "MF1": (0, 90), "RF1": (0, 90), "LF1": (0, 90),
    "FF2": (0, 90), "MF2": (0, 90), "RF2": (0, 90), "LF2": (0, 90),
    "FF3": (-15, 90), "MF3": (-15, 90), "RF3": (-15, 90), "LF3": (-15, 90),
    "FF4": (-20, 20), "MF4": (-20, 20), "RF4": (-20, 20), "LF4": (-20, 20),
    "LF5": (0, 45),
    "TH1": (-15, 90), "TH2": (-40, 40), "TH3": (-12, 12), "TH4": (0, 70), "TH5": (-60, 60),
    "WR1": (-40, 28), "WR2": (-28, 10),
}  # fmt: skip


def test_order_of_joints_and_actuators():
    """Policy files, messages and the simulator all count in this order: it must never change unnoticed."""
    assert " ".join(JOINTS) == (
        "WRJ2 WRJ1 FFJ4 FFJ3 FFJ2 FFJ1 MFJ4 MFJ3 MFJ2 MFJ1 RFJ4 RFJ3 RFJ2 RFJ1 "
        "LFJ5 LFJ4 LFJ3 LFJ2 LFJ1 THJ5 THJ4 THJ3 THJ2 THJ1"
    )
    assert " ".join(ACTUATORS) == (
        "WRJ2 WRJ1 FFJ4 FFJ3 FFJ0 MFJ4 MFJ3 MFJ0 RFJ4 RFJ3 RFJ0 LFJ5 LFJ4 LFJ3 LFJ0 THJ5 THJ4 THJ3 THJ2 THJ1"
    )
    assert FINGERS == ("FF", "MF", "RF", "LF", "TH")


def test_limits_are_shadows():
    """24 ranges of the guide, in its sign convention: targets outside would be refused or do harm."""
    assert len(GUIDE) == len(JOINTS) == len(JOINT_LIMITS) == 24
    ours = {
        joint.replace("J", ""): tuple(limits) for joint, limits in zip(JOINTS, np.degrees(JOINT_LIMITS), strict=True)
    }
    for joint, limits in GUIDE.items():
        assert ours[joint] == pytest.approx(limits), joint


def test_every_joint_has_its_actuator():
    """20 actuators; J0 drives the finger's two outer joints (appendix B.1), all others one joint each."""
    assert ACTUATION.shape == (20, 24)
    np.testing.assert_array_equal(ACTUATION.sum(0), np.ones(24))
    for row, actuator in zip(ACTUATION, ACTUATORS, strict=True):
        driven = [joint for joint, weight in zip(JOINTS, row, strict=True) if weight]
        assert sorted(driven) == sorted(joints_of(actuator))
        assert len(driven) == (2 if actuator[:2] != "TH" and actuator.endswith("J0") else 1)
    assert joints_of("FFJ0") == ("FFJ1", "FFJ2")
    assert joints_of("THJ1") == ("THJ1",)


def test_actuator_limits_are_sums_over_coupled_joints():
    limits = dict(zip(ACTUATORS, np.degrees(ACTUATOR_LIMITS), strict=True))
    assert tuple(limits["LFJ0"]) == pytest.approx((0, 180))
    assert tuple(limits["THJ1"]) == pytest.approx((-15, 90))


def test_ros_names():
    assert ros_joint_name("FFJ4") == "rh_FFJ4"
