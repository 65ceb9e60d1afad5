"""Drivers of the laboratory's devices, without ROS."""
