"""Nodes that start fast and stay small."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys, rclpy
from dactyl.nodes.{module} import {name}
rclpy.init(args=["--ros-args", "-p", "robot:={robot}"])
{name}()
print(*({{"torch", "mujoco"}} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("module", "name", "robot"),
    [
        ("fingertip_tracker", "FingertipTracker", "shadow"),
        ("action_filter", "ActionFilter", "shadow"),
        ("hand_driver", "HandDriver", "shadow"),
        ("trial", "TrialNode", "shadow"),
        ("exerciser", "Exerciser", "shadow"),
        ("object_locator", "ObjectLocator", "gr1"),
        ("pick_and_drop", "PickAndDrop", "gr1"),
    ],
)
def test_nodes_around_the_policy_load_neither_simulator_nor_networks(
    ros_domain: int, module: str, name: str, robot: str
) -> None:
    """Protects start-up and memory of the nodes that have to be there: robot, task and driver are light data."""
    program = PROGRAM.format(module=module, name=name, robot=robot)
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == ""
