"""The graph's topics: names, and message types as text, so that nothing of ROS is imported.

Names are relative to the namespace, as nodes use them, but for ROS's own, which begin with a slash. The topics of a
robot's own controllers are the robot's to name, see `robot.robot.Robot.targets`.
"""

from __future__ import annotations

NAMESPACE = "/dactyl"

CLOCK = "/clock"
DIAGNOSTICS = "/diagnostics"
JOINT_STATES = "/joint_states"
TF = "/tf"
TF_STATIC = "/tf_static"

MARKERS = "mocap/markers"
FINGERTIPS = "fingertips"
POSE_SOURCES = ("mocap", "vision")
"""What may say where the object is."""
GOAL = "goal"
STATUS = "trial/status"
ACTION = "action"
FILTERED = "action_filtered"
TARGETS = "joint_targets"
"""To a robot that has no controllers of its own."""
EMERGENCY_STOP = "emergency_stop"
JOY = "/joy"
"""Of a gamepad."""
HEARTBEAT = "heartbeat"
"""Somebody watches the hand."""
RVIZ_MARKERS = "markers"
ROBOT_DESCRIPTION = "robot_description"
CAMERAS = ("camera_0", "camera_1", "camera_2")
"""The laboratory's, in the order in which the vision network takes their pictures."""


def object_pose(source: str) -> str:
    """The object's pose as one of POSE_SOURCES tells it."""
    return f"object_pose/{source}"


def image(camera: str) -> str:
    """A camera's pictures, or the depth images of one of the robot's eyes."""
    return f"{camera}/image_raw"


def camera_info(camera: str) -> str:
    """A camera's calibration, sent with each picture."""
    return f"{camera}/camera_info"


def mask(eye: str) -> str:
    """Where an eye of the robot sees the object, a picture for each of its depth images: a segmentation's answer."""
    return f"{eye}/mask"


def absolute(name: str, namespace: str = NAMESPACE) -> str:
    """A topic's or service's name as bags and tools of ROS have it."""
    return name if name.startswith("/") else f"{namespace}/{name}"


def of_simulated_hand(topic: str, namespace: str = NAMESPACE) -> str:
    """Where a simulated hand has a topic that the real one may have too, so that they never speak to each other."""
    return f"{namespace}/hand/{topic.lstrip('/')}"


def of_hand(topic: str) -> tuple[str, str]:
    """A topic's names in bags: of a real hand, and of a simulated one."""
    return absolute(topic), of_simulated_hand(topic)


MOCAP_POSE, VISION_POSE = (object_pose(source) for source in POSE_SOURCES)
TRUTH_POSE = object_pose("truth")
"""Where the object is, as only a simulator knows it: for a referee, never for a policy."""

TYPES = {
    CLOCK: "rosgraph_msgs/msg/Clock",
    DIAGNOSTICS: "diagnostic_msgs/msg/DiagnosticArray",
    JOINT_STATES: "sensor_msgs/msg/JointState",
    TF: "tf2_msgs/msg/TFMessage",
    TF_STATIC: "tf2_msgs/msg/TFMessage",
    ROBOT_DESCRIPTION: "std_msgs/msg/String",
    MARKERS: "dactyl_msgs/msg/MocapMarkers",
    FINGERTIPS: "dactyl_msgs/msg/FingertipPositions",
    MOCAP_POSE: "geometry_msgs/msg/PoseStamped",
    VISION_POSE: "geometry_msgs/msg/PoseStamped",
    TRUTH_POSE: "geometry_msgs/msg/PoseStamped",
    GOAL: "geometry_msgs/msg/PoseStamped",
    STATUS: "dactyl_msgs/msg/TrialStatus",
    ACTION: "dactyl_msgs/msg/HandAction",
    FILTERED: "dactyl_msgs/msg/HandAction",
    TARGETS: "trajectory_msgs/msg/JointTrajectory",
    EMERGENCY_STOP: "std_msgs/msg/Bool",
    JOY: "sensor_msgs/msg/Joy",
    HEARTBEAT: "std_msgs/msg/Empty",
    RVIZ_MARKERS: "visualization_msgs/msg/MarkerArray",
    **{image(camera): "sensor_msgs/msg/Image" for camera in CAMERAS},
    **{camera_info(camera): "sensor_msgs/msg/CameraInfo" for camera in CAMERAS},
}
"""Message type of each topic."""
