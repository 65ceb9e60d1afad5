"""Topics of Shadow's controllers."""

from __future__ import annotations

from dactyl.robots.shadow.joints import ACTUATORS, ros_joint_name

FINGERS = "/rh_trajectory_controller/command"
WRIST = "/rh_wr_trajectory_controller/command"
ROS2_FINGERS = "/rh_trajectory_controller/joint_trajectory"
ROS2_WRIST = "/rh_wr_trajectory_controller/joint_trajectory"
"""Of ros2_control's joint_trajectory_controllers, each of which listens to `~/joint_trajectory`."""
TRAJECTORY_TYPE, POSITION_TYPE = "trajectory_msgs/msg/JointTrajectory", "std_msgs/msg/Float64"


def position(actuator: str) -> str:
    """Of the position controller of an actuator, which is called as in ROS."""
    return f"/sh_{actuator.lower()}_position_controller/command"


_POSITIONS = tuple(position(ros_joint_name(actuator)) for actuator in ACTUATORS)
CONTROLLERS = (FINGERS, WRIST, ROS2_FINGERS, ROS2_WRIST, *_POSITIONS)
"""Every one of them."""
TARGETS = {FINGERS: TRAJECTORY_TYPE, position("rh_FFJ0"): POSITION_TYPE, ROS2_FINGERS: TRAJECTORY_TYPE}
"""By each interface: a topic that is sent every time, and its message type."""
