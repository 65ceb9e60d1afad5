"""The graph with the real hand: ros2 launch dactyl real.launch.py"""

from dactyl.bringup.options import RealOptions
from dactyl.bringup.ros_launch import launch_description
from dactyl.bringup.run import real_graph
from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    return launch_description(RealOptions, real_graph)
