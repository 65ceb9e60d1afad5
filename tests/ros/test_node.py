"""The main loop of every node."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_node_in_order(ros_domain: int, number: int) -> None:
    """Protects the last messages and the threads of a node, which end before ROS does: success, and no traceback."""
    command = [sys.executable, "-m", "dactyl.nodes.hand_driver"]
    node = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert node.stdout is not None
    said = node.stdout.readline()
    assert "does not move until it is enabled" in said
    node.send_signal(number)
    rest, _ = node.communicate(timeout=30.0)
    assert (node.returncode, rest) == (0, "")
