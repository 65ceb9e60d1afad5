"""The command interfaces of Shadow's controllers."""

from __future__ import annotations

import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Float64
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from dactyl.robots.shadow import ros as shadow_ros
from dactyl.robots.shadow.joints import ACTUATORS
from dactyl.robots.shadow.protocol import INTERFACES

TARGETS = np.linspace(-0.4, 1.5, len(ACTUATORS))
FINGERS, WRIST = "/rh_trajectory_controller/command", "/rh_wr_trajectory_controller/command"


@pytest.mark.parametrize("interface", INTERFACES)
def test_targets_survive_the_way_to_the_hand(interface: str) -> None:
    """Protects every actuator's target, by either interface."""
    received = np.full(len(ACTUATORS), np.nan)
    for topic, data in shadow_ros.encode(interface, 0.008, TARGETS, 123_456_789_012).items():
        command = shadow_ros.decode(topic, data)
        received[command.actuators] = command.targets
        assert command.stamp_ns == (0 if interface == "position" else 123_456_789_012)
    np.testing.assert_allclose(received, TARGETS)


def test_names_are_shadows() -> None:
    """Protects against a hand that takes no commands: topics and joint names as in Shadow's user guide."""
    topics = shadow_ros.topics("position")
    assert len(topics) == 20
    assert "/sh_rh_ffj0_position_controller/command" in topics
    assert "/sh_rh_wrj1_position_controller/command" in topics
    commands = shadow_ros.encode("trajectory", 0.005, TARGETS, 0)
    fingers, wrist = (deserialize_message(commands[topic], JointTrajectory) for topic in (FINGERS, WRIST))
    assert len(fingers.joint_names) == 22
    assert list(wrist.joint_names) == ["rh_WRJ2", "rh_WRJ1"]
    assert fingers.points[0].time_from_start.nanosec == 5_000_000
    angles = dict(zip(fingers.joint_names, fingers.points[0].positions, strict=True))
    assert angles["rh_FFJ1"] == angles["rh_FFJ2"] == pytest.approx(TARGETS[ACTUATORS.index("FFJ0")] / 2)


def test_commands_that_no_controller_would_take_are_refused() -> None:
    """Protects the simulated hand as the real one's controllers protect themselves."""
    good = deserialize_message(shadow_ros.encode("trajectory", 0.001, TARGETS, 0)[WRIST], JointTrajectory)
    point = good.points[0]

    def decode(**changes: object) -> None:
        message = JointTrajectory(joint_names=good.joint_names, points=[point])
        for name, value in changes.items():
            setattr(message, name, value)
        shadow_ros.decode(WRIST, serialize_message(message))

    decode()
    with pytest.raises(ValueError, match="one point"):
        decode(points=[])
    with pytest.raises(ValueError, match="unknown joint rh_XXJ9"):
        decode(joint_names=["rh_WRJ1", "rh_XXJ9"])
    with pytest.raises(ValueError, match="more than once"):
        decode(joint_names=["rh_WRJ1", "rh_WRJ1"])
    with pytest.raises(ValueError, match="every joint"):
        decode(joint_names=["rh_WRJ1"], points=[JointTrajectoryPoint(positions=[0.0])])
    point.positions = [0.0, float("nan")]
    with pytest.raises(ValueError, match="not finite"):
        decode()
    point.positions = [0.0]
    with pytest.raises(ValueError, match="one point"):
        decode()
    with pytest.raises(ValueError, match="not finite"):
        shadow_ros.decode("/sh_rh_ffj0_position_controller/command", serialize_message(Float64(data=float("inf"))))
