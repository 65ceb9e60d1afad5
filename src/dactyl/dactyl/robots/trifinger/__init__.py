"""The TriFingerPro: three fingers over a table, 9 joints, torques. A robot of the Real Robot Challenge."""

import numpy as np

from dactyl.robot.robot import Cameras, Markers, Robot, Timing, Torques, Workspace
from dactyl.robots.trifinger.joints import DAMPING, FINGERS, JOINT_LIMITS, JOINTS, STIFFNESS, TORQUE_LIMIT
from dactyl.robots.trifinger.layout import (
    BASE_MARKERS,
    CAMERA_DISTANCE,
    CAMERA_FOVY,
    CAMERAS,
    DEPTH,
    FINGERTIPS,
    LINK_RADII,
    RADIUS,
    REST,
)

ROBOT = Robot(
    name="trifinger",
    title="TriFingerPro",
    joints=JOINTS,
    joint_limits=JOINT_LIMITS,
    actuators=JOINTS,
    actuation=np.eye(len(JOINTS)),
    fingertips=FINGERS,
    workspace=Workspace(REST, depth=DEPTH, radius=RADIUS),
    cameras=Cameras(CAMERAS, CAMERA_DISTANCE, CAMERA_FOVY),
    markers=Markers(FINGERTIPS, BASE_MARKERS, LINK_RADII),
    timing=Timing(control=0.02, physics=0.005),  # policies act at 50 Hz, four physics steps each
    action=Torques(limit=TORQUE_LIMIT, damping=DAMPING, stiffness=STIFFNESS),
    model="dactyl.robots.trifinger.model:build",
    driver="dactyl.robots.trifinger.ros:driver",
    slow_tracker=(0.1, 0.09),  # trifinger_simulation: "based on real robot data"
    scripted_starts="dactyl.robots.trifinger.grasps:states",
    demonstrations="dactyl.robots.trifinger.grasps:demonstrations",
)
