"""How Shadow's software names and shapes what goes to and comes from the hand, whatever carries it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dactyl.robots.shadow import topics
from dactyl.robots.shadow.joints import ACTUATORS, JOINTS, joints_of, ros_joint_name

TRANSPORTS = ("ros2", "rosbridge")
INTERFACES = ("trajectory", "position", "ros2_control")
"""Shadow's trajectory controllers, its twenty position controllers, joint_trajectory_controllers of ros2_control."""

WRIST = tuple(joint for joint in JOINTS if joint.startswith("WR"))
FINGER_JOINTS = tuple(joint for joint in JOINTS if not joint.startswith("WR"))
TRAJECTORIES = {
    "trajectory": {topics.FINGERS: FINGER_JOINTS, topics.WRIST: WRIST},
    "ros2_control": {topics.ROS2_FINGERS: FINGER_JOINTS, topics.ROS2_WRIST: WRIST},
}
"""Joints of each trajectory controller, by the interface and its topic."""
CONTROLLERS = {topic: joints for controllers in TRAJECTORIES.values() for topic, joints in controllers.items()}
"""Joints of every trajectory controller, by its topic."""
ACTUATOR_OF = {joint: i for i, actuator in enumerate(ACTUATORS) for joint in joints_of(actuator)}
"""Index in ACTUATORS of the actuator that moves a joint."""

_MOTOR = "SRDMotor "


POSITIONS = {topics.position(ros_joint_name(actuator)): i for i, actuator in enumerate(ACTUATORS)}
"""Index in ACTUATORS of what each position controller moves, by its topic."""


def positions_of(joints: Sequence[str], targets: np.ndarray) -> list[float]:
    """Angles of joints, rad, for actuator targets (20,). Coupled joints get half of their sum each."""
    actuators = [ACTUATOR_OF[joint] for joint in joints]
    return [float(targets[i]) / len(joints_of(ACTUATORS[i])) for i in actuators]


def motor_temperature(name: str, values: Mapping[str, str]) -> tuple[int, float] | None:
    """Index in ACTUATORS and degrees Celsius, from one status of /diagnostics; None if it is no motor's temperature.

    Shadow's driver calls the status "SRDMotor FFJ3", with the hand's id in front, and the value "Temperature".
    """
    motor = name.partition(_MOTOR)[2].upper().removeprefix("RH_")
    if motor not in ACTUATORS or "Temperature" not in values:
        return None
    try:
        return ACTUATORS.index(motor), float(values["Temperature"])
    except ValueError:
        return None
