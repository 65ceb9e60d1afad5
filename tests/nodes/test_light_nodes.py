"""Nodes that start fast and stay small."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys, rclpy
from dactyl.nodes.{module} import {name}
rclpy.init()
{name}()
print(*({{"torch", "mujoco"}} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("fingertip_tracker", "FingertipTracker"),
        ("action_filter", "ActionFilter"),
        ("hand_driver", "HandDriver"),
        ("trial", "TrialNode"),
        ("exerciser", "Exerciser"),
    ],
)
def test_nodes_around_the_policy_load_neither_simulator_nor_networks(ros_domain: int, module: str, name: str) -> None:
    """Protects start-up and memory of the nodes that have to be there: robot, task and driver are light data."""
    program = PROGRAM.format(module=module, name=name)
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == ""
