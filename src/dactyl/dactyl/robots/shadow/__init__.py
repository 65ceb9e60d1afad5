"""The Shadow Dexterous Hand E (right): 24 joints, 20 actuators, in Shadow's names, signs and units."""

import numpy as np

from dactyl.robot.robot import Cameras, Markers, Positions, Robot, Timing, Workspace
from dactyl.robots.shadow.joints import ACTUATION, ACTUATORS, FINGERS, JOINT_LIMITS, JOINTS
from dactyl.robots.shadow.layout import (
    BASE_MARKERS,
    CAMERA_AIM,
    CAMERA_DISTANCE,
    CAMERA_FOVY,
    CAMERA_LANDMARKS,
    CAMERAS,
    DROP_DISTANCE,
    DROP_HEIGHT,
    FINGERTIP_MARKERS,
    LINK_RADII,
    LOCKED_WRIST,
    PALM_CENTER,
)
from dactyl.robots.shadow.topics import CONTROLLERS, TARGETS

ROBOT = Robot(
    name="shadow",
    title="Shadow Dexterous Hand",
    joints=JOINTS,
    joint_limits=JOINT_LIMITS,
    actuators=ACTUATORS,
    actuation=ACTUATION,
    fingertips=FINGERS,
    workspace=Workspace(PALM_CENTER, depth=DROP_HEIGHT, radius=DROP_DISTANCE),
    cameras=Cameras(CAMERAS, CAMERA_DISTANCE, CAMERA_FOVY, np.array([0.0, 0.0, 1.0]), CAMERA_AIM, CAMERA_LANDMARKS),
    markers=Markers(FINGERTIP_MARKERS, BASE_MARKERS, LINK_RADII),
    timing=Timing(control=0.08, physics=0.008),  # appendix C.1
    action=Positions(bins=11, smoothing=0.3),  # section 4.2; appendix C.1, footnote 15
    model="dactyl.robots.shadow.model:build",
    driver="dactyl.robots.shadow.ros:driver",
    commands="dactyl.robots.shadow.commands:add",
    exercise="dactyl.robots.shadow.calibration.motions:exercise",
    targets=TARGETS,
    controllers=CONTROLLERS,
    joint_prefix="rh_",
    locked={"WRJ1": LOCKED_WRIST},
    gravity_compensation=1.0,
    tilt=0.1,  # slightly raised fingers: a palm-up hand at rest keeps its object
    up=np.array([0.0, -0.995004, 0.099833]),
)
