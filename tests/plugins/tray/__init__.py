"""A robot of two joints: a tray that rolls and pitches. Everything about it differs from the Shadow hand's."""

import numpy as np

from dactyl.robot.robot import Cameras, Markers, Positions, Robot, Timing, Workspace

ROBOT = Robot(
    name="tray",
    title="tilting tray",
    joints=("roll", "pitch"),
    joint_limits=np.radians([[-12.0, 12.0], [-12.0, 12.0]]),
    actuators=("roll", "pitch"),
    actuation=np.eye(2),
    fingertips=("left", "right"),
    workspace=Workspace(rest=np.array([0.0, 0.0, 0.03]), depth=0.06, radius=0.14),
    cameras=Cameras({f"camera_{i}": (120.0 * i, 45.0) for i in range(3)}, distance=0.5, fovy=40.0),
    markers=Markers(
        fingertips=np.array([[0.0, 0.0, 0.02], [0.0, 0.0, 0.02]]),
        base=np.array([[0.10, 0.0, -0.05], [0.0, 0.12, -0.05], [-0.07, -0.05, -0.05]]),
        link_radii=np.array([[0.003], [0.003]]),
    ),
    timing=Timing(control=0.1, physics=0.01),
    action=Positions(bins=5, smoothing=0.5),
    model="tray.model:build",
    joint_prefix="tray_",
)
