"""The ROS nodes, one a file, thin. Files whose name starts with an underscore are what they share."""
