"""What to install where a command needs more than `pip install .` brings."""

from __future__ import annotations

EXTRAS = {
    "mujoco_warp": "gpu",
    "warp": "gpu",
    "scipy": "calibration",
    "pypylon": "cameras",
    "roslibpy": "hardware",
    "mcap": "recording",
    "rosbags": "recording",
    "lz4": "recording",
    "zstandard": "recording",
    "viser": "dashboard",
    "starlette": "farm",
    "uvicorn": "farm",
    "python_multipart": "farm",
    "httpx": "farm",
    "ray": "cluster",
}
"""Modules, by the extra of pyproject.toml that brings them."""
ROS = ("rclpy", "dactyl_msgs", "rosgraph_msgs", "sensor_msgs", "std_srvs")


def remedy(error: ModuleNotFoundError) -> str:
    """One line for a person; empty where nothing is known that would help."""
    module = (error.name or "").partition(".")[0]
    if module in ROS:
        return "this command needs ROS 2 and dactyl_msgs: run ./dactyl in a checkout, or build with colcon"
    if extra := EXTRAS.get(module):
        return f"this command needs {module}: pip install '.[{extra}]' in a checkout"
    return ""
