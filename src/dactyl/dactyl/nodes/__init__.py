"""The ROS nodes, one a file, thin."""
