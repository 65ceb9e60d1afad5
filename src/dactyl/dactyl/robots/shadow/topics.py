"""Topics of Shadow's controllers."""

from __future__ import annotations

from dactyl.robots.shadow.joints import ACTUATORS, ros_joint_name

FINGERS = "/rh_trajectory_controller/command"
WRIST = "/rh_wr_trajectory_controller/command"
TRAJECTORY_TYPE, POSITION_TYPE = "trajectory_msgs/msg/JointTrajectory", "std_msgs/msg/Float64"


def position(actuator: str) -> str:
    """Of the position controller of an actuator, which is called as in ROS."""
    return f"/sh_{actuator.lower()}_position_controller/command"


CONTROLLERS = (FINGERS, WRIST, *(position(ros_joint_name(actuator)) for actuator in ACTUATORS))
"""Every one of them."""
TARGETS = {FINGERS: TRAJECTORY_TYPE, position("rh_FFJ0"): POSITION_TYPE}
"""With trajectories and with positions: one that is sent every time, and its message type."""
