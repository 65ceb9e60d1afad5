"""The graph with a simulated hand: ros2 launch dactyl sim.launch.py trials:=3"""

from dactyl.bringup.options import SimOptions
from dactyl.bringup.ros_launch import launch_description
from dactyl.bringup.run import sim_graph
from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    return launch_description(SimOptions, sim_graph)
