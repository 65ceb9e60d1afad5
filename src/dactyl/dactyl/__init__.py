"""Sim-to-real dexterous manipulation as a ROS 2 stack (after OpenAI, 2018). docs/architecture.md has the map."""

__version__ = "0.1.0"
