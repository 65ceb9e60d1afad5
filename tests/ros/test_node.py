"""The main loop of every node."""

from __future__ import annotations

import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from rclpy.parameter import Parameter
from rclpy.qos import ReliabilityPolicy
from rosgraph_msgs.msg import Clock

from dactyl import variables
from dactyl.errors import DactylError
from dactyl.nodes.action_filter import ActionFilter
from dactyl.ros.messages import RELIABLE, SENSOR
from dactyl.ros.node import status
from tests.terminal import in_a_terminal


@pytest.mark.parametrize("executor", [variables.WAITSET, variables.EVENTS])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_node_in_order(
    ros_domain: int, monkeypatch: pytest.MonkeyPatch, number: int, executor: str
) -> None:
    """Protects the last messages and the threads of a node, which end before ROS does: success, and no traceback."""
    monkeypatch.setenv(variables.EXECUTOR, executor)
    command = [sys.executable, "-m", "dactyl.nodes.hand_driver"]
    node = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=in_a_terminal
    )
    assert node.stdout is not None
    said = node.stdout.readline()
    assert "does not move until it is enabled" in said
    node.send_signal(number)
    rest, _ = node.communicate(timeout=30.0)
    assert (node.returncode, rest) == (0, "")


HANGS = """
import ctypes, sys
from dactyl.nodes.action_filter import ActionFilter
from dactyl.ros.node import run

class Hangs(ActionFilter):
    ends_within = 1

    def destroy_node(self):
        super().destroy_node()
        print("hangs", flush=True)
        ctypes.PyDLL(None).sleep(60)  # and holds python's lock

print("up", flush=True)
sys.exit(run(Hangs))
"""


def test_a_node_that_hangs_in_the_middleware_at_its_end_is_killed(ros_domain: int) -> None:
    """Protects the next run, and the processor, from a node whose runner was killed and cannot do it."""
    node = subprocess.Popen([sys.executable, "-c", HANGS], stdout=subprocess.PIPE, text=True)
    assert node.stdout is not None
    assert node.stdout.readline() == "up\n"
    time.sleep(2.0)
    node.terminate()
    assert node.stdout.readline() == "hangs\n"
    assert node.wait(10.0) == -signal.SIGALRM


def test_simulated_time_is_looked_at_when_somebody_asks(make_node: Callable[..., Any]) -> None:
    """Protects nodes that compare stamps with now, and their processor from 125 wakes a second for that."""
    node = make_node(ActionFilter, use_sim_time="true")
    publisher = node.create_publisher(Clock, "/clock", SENSOR)
    assert "/clock" not in {each.topic_name for each in node.subscriptions}
    for seconds in (5, 7, 6):
        message = Clock()
        message.clock.sec = seconds
        deadline = time.monotonic() + 10.0
        while node.get_clock().now().nanoseconds != seconds * 1_000_000_000:
            assert time.monotonic() < deadline
            publisher.publish(message)
            time.sleep(0.02)
    node.set_parameters([Parameter("use_sim_time", value=False)])
    assert node.get_clock().now().nanoseconds > 10**18


def test_quality_of_service_follows_parameters(make_node: Callable[..., Any]) -> None:
    """Protects a lab with recorders or bridges that want other reliability; what is given must not be ignored."""
    node = make_node(
        ActionFilter,
        **{
            "qos_overrides./action.subscription.depth": 3,
            "qos_overrides./action.subscription.reliability": "best_effort",
            "qos_overrides./action_filtered.publisher.reliability": "best_effort",
        },
    )
    node.check_overrides()
    (sent,) = node.get_publishers_info_by_topic("/action_filtered")
    assert sent.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    (taken,) = node.get_subscriptions_info_by_topic("/action")
    assert taken.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    assert node.get_parameter("qos_overrides./action.subscription.depth").value == 3
    (other,) = node.get_publishers_info_by_topic("/diagnostics")
    assert other.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    assert RELIABLE.reliability == ReliabilityPolicy.RELIABLE, "the profile that others share stays as it was"


def test_a_quality_of_service_that_cannot_be_is_refused(make_node: Callable[..., Any]) -> None:
    """Protects from overrides that are silently without effect: a topic that there is not, a word that is unknown."""
    node = make_node(ActionFilter, **{"qos_overrides./actoin.subscription.depth": 3})
    with pytest.raises(DactylError, match=r"there is no parameter qos_overrides\./actoin.*/action\.subscription"):
        node.check_overrides()


def test_an_unknown_word_for_it_is_refused(make_node: Callable[..., Any]) -> None:
    with pytest.raises(DactylError, match=r"^parameters qos_overrides\./action\.subscription\.\*: .*`perfect`"):
        make_node(ActionFilter, **{"qos_overrides./action.subscription.reliability": "perfect"})


def test_a_name_that_is_none_is_refused_in_one_line(make_node: Callable[..., Any]) -> None:
    """Protects whoever names the hand's topics in a parameter file."""
    with pytest.raises(DactylError, match=r"^'/joint states' is no name of a topic for ROS$"):
        make_node(ActionFilter, backlash="true", joint_states="'/joint states'")


def test_a_diagnosis_says_what_it_is_about(make_node: Callable[..., Any]) -> None:
    """Protects whoever reads /diagnostics of several computers: hardware_id, as REP 107 has it."""
    node = make_node(ActionFilter)
    assert status("a", node.diagnose(), node.hardware_id).hardware_id == platform.node() != ""
