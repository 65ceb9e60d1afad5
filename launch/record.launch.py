"""Records the running graph: ros2 launch dactyl record.launch.py bag:=my_bag seconds:=60"""

from dactyl.bringup.options import RecordOptions
from dactyl.bringup.recording import record_graph
from dactyl.bringup.ros_launch import launch_description
from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    return launch_description(RecordOptions, record_graph)
