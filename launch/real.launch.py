"""The graph with the real hand: ros2 launch dactyl real.launch.py"""

from dactyl.bringup import RealOptions, launch_description, real_graph
from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    return launch_description(RealOptions, real_graph)
