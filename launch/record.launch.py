"""Records the running graph: ros2 launch dactyl record.launch.py bag:=my_bag seconds:=60"""

from dactyl.bringup import RecordOptions, launch_description, record_graph
from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    return launch_description(RecordOptions, record_graph)
