"""A robot that takes torques: an arm of two joints in a vertical plane, which hangs down and has to carry itself."""

import numpy as np

from dactyl.robot.robot import Cameras, Markers, Robot, Timing, Torques, Workspace

ROBOT = Robot(
    name="arm",
    title="swinging arm",
    joints=("shoulder", "elbow"),
    joint_limits=np.array([[-1.5, 1.5], [-2.0, 2.0]]),
    actuators=("shoulder", "elbow"),
    actuation=np.eye(2),
    fingertips=("hook",),
    workspace=Workspace(rest=np.array([0.3, 0.0, -0.4675]), depth=0.1, radius=0.4),
    cameras=Cameras({f"camera_{i}": (120.0 * i, 45.0) for i in range(3)}, distance=0.8, fovy=40.0),
    markers=Markers(
        fingertips=np.array([[0.0, 0.0, -0.15]]),
        base=np.array([[0.10, 0.0, 0.05], [0.0, 0.12, 0.05], [-0.07, -0.05, 0.05]]),
        link_radii=np.array([[0.01]]),
    ),
    timing=Timing(control=0.02, physics=0.005),
    action=Torques(limit=0.8, damping=(0.05, 0.02), stiffness=(4.0, 2.0)),
    model="arm.model:build",
    scripted_starts="arm.model:states",
)
