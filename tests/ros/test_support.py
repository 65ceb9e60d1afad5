"""Parameters: a wrong one is one clear line."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import rclpy
from geometry_msgs.msg import Quaternion

from dactyl.errors import DactylError
from dactyl.ros import support as ros
from dactyl.ros.support import DactylNode, parameter


@dataclass(frozen=True)
class Parameters:
    rate: float = parameter(8.0, "How often.", minimum=0.1, maximum=100.0)
    count: int = parameter(3, "How many.", minimum=1)
    kind: str = parameter("a", "Which.", choices=("a", "b"))
    active: bool = parameter(False, "Whether.")
    weights: tuple[float, ...] = parameter((1.0, 2.0), "How much each.", minimum=0.0, length=2)


@contextmanager
def node(**overrides: Any) -> Iterator[DactylNode]:
    """A node started with these parameters on its command line."""
    arguments = ["--ros-args"]
    for name, value in overrides.items():
        arguments += ["-p", f"{name}:={value}"]
    rclpy.init(args=arguments)
    tested = DactylNode("tested")
    try:
        yield tested
    finally:
        tested.destroy_node()
        rclpy.shutdown()


@pytest.mark.usefixtures("ros_domain")
def test_values_come_from_overrides_and_defaults() -> None:
    """Protects the way from a parameter file into a node; whole numbers are numbers too."""
    with node(rate=5, weights="[3, 4]", active="true") as tested:
        assert tested.declare(Parameters) == Parameters(rate=5.0, weights=(3.0, 4.0), active=True)
        assert tested.get_parameter("rate").value == 5.0
        assert tested.get_parameter("kind").value == "a"
        description = tested.describe_parameter("rate")
        assert description.description == "How often."
        assert description.floating_point_range[0].to_value == 100.0
        assert description.read_only


@pytest.mark.usefixtures("ros_domain")
@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"rate": 0.0}, "parameter rate = 0.0 is outside [0.1, 100]"),
        ({"rate": "fast"}, "parameter rate must be a float, not 'fast'"),
        ({"rate": ".nan"}, "parameter rate must be a number, not NaN"),
        ({"count": 1.5}, "parameter count must be a int, not 1.5"),
        ({"count": "true"}, "parameter count must be a int, not True"),
        ({"count": 0}, "parameter count = 0 is outside [1, inf]"),
        ({"kind": "c"}, "parameter kind = 'c' is none of: a, b"),
        ({"weights": "[1.0]"}, "parameter weights must have 2 elements, not 1"),
        ({"weights": "[1.0, -1.0]"}, "parameter weights[1] = -1.0 is outside [0, inf]"),
        ({"weights": 1.0}, "parameter weights must be a list, not 1.0"),
        ({"ratte": 8.0}, "there is no parameter ratte; there are: active, count, kind, rate, weights"),
    ],
)
def test_a_wrong_parameter_is_one_clear_line(override: dict[str, Any], message: str) -> None:
    """Protects whoever edits the parameter files, also from typing errors in names."""
    with node(**override) as tested, pytest.raises(DactylError) as error:
        tested.declare(Parameters)
    assert str(error.value) == message


def test_a_message_without_a_rotation_is_nan() -> None:
    """Protects the policy from the all-zero quaternion of an unfilled message."""
    np.testing.assert_allclose(ros.orientation(Quaternion(w=0.0, x=2.0, y=0.0, z=0.0)), [0, 1, 0, 0])
    assert np.isnan(ros.orientation(Quaternion(w=0.0))).all()
    assert np.isnan(ros.orientation(Quaternion(w=float("nan")))).all()


def test_stamps_survive() -> None:
    """Protects every stamp: nanoseconds, past the second."""
    message = ros.Time()
    ros.set_stamp(message, 12_000_000_034)
    assert (message.sec, message.nanosec) == (12, 34)
    assert ros.nanoseconds(message) == 12_000_000_034


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
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
