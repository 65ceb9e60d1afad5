"""Which nodes are in a ROS domain already."""

from __future__ import annotations

import time
from collections.abc import Collection

from rclpy.node import Node

from dactyl.errors import DactylError
from dactyl.ros.apart import node_apart


def find(names: Collection[str], namespace: str, patience: float) -> str:
    """The first node of these names that shows up in a namespace; empty: none did within so many s.

    Raises:
        DactylError: ROS cannot be started here.
    """
    try:
        with node_apart("newcomer", namespace=namespace, enable_rosout=False) as node:
            return _find(node, names, namespace, patience)
    except RuntimeError as error:  # RCLError among them
        raise DactylError(f"ROS cannot be started: {' '.join(str(error).split())}") from error


def _find(node: Node, names: Collection[str], namespace: str, patience: float) -> str:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        there = node.get_node_names_and_namespaces()
        if found := sorted(name for name, where in there if where == namespace and name in names):
            return str(found[0])
        time.sleep(0.02)
    return ""
