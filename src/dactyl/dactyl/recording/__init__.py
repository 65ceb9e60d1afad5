"""Bags: written, read, and made into test sets for vision. Without ROS."""
