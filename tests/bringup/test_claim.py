"""One graph in a ROS domain."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dactyl.bringup.claim import Claim
from dactyl.errors import DactylError

HOLDER = """
import time
from dactyl.bringup.claim import Claim
claim = Claim()
print("claimed", flush=True)
time.sleep(60)
"""


def start(program: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "claimed\n"
    return process


def test_a_second_graph_in_a_domain_is_refused(ros_domain: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the first one's trial: the second would speak on its topics, and both would end with 0."""
    with start(HOLDER) as holder:
        with pytest.raises(DactylError) as error:
            Claim()
        said = str(error.value)
        assert f"another graph runs in ROS domain {ros_domain} (process {holder.pid}: " in said
        assert f"such as ROS_DOMAIN_ID={ros_domain % 101 + 1}" in said
        assert "\n" not in said
        Claim("/left").release()
        monkeypatch.setenv("ROS_DOMAIN_ID", str(ros_domain + 100))
        Claim().release()
        monkeypatch.setenv("ROS_DOMAIN_ID", str(ros_domain))
        holder.kill()
        holder.wait()
        Claim().release()


def test_a_released_domain_can_be_claimed_again(ros_domain: int) -> None:
    """Protects the next run."""
    first = Claim()
    with pytest.raises(DactylError, match=f"process {os.getpid()}"):
        Claim()
    first.release()
    second = Claim()
    second.check({"trial"})
    second.release()


NODE = """
import rclpy, time
rclpy.init()
node = rclpy.create_node("trial", namespace="/dactyl")
print("claimed", flush=True)
time.sleep(60)
"""


def test_a_graph_that_another_way_started_is_found_by_its_nodes(
    ros_domain: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects a graph on another machine or in a container, and nodes that somebody started one by one."""
    claim = Claim()
    with start(NODE) as node:
        try:
            claim.check({"camera"})
            monkeypatch.setattr("dactyl.bringup.claim.DISCOVERY", 20.0)
            with pytest.raises(DactylError, match=f"in ROS domain {ros_domain} .the node /dactyl/trial.: end it"):
                claim.check({"trial", "policy"})
        finally:
            claim.release()
            node.kill()


def test_a_ros_that_cannot_start_is_one_line(ros_domain: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects from what no variable alone tells: it is tried once before ten nodes try it."""
    monkeypatch.setenv("ROS_STATIC_PEERS", "no.such.host.invalid")
    claim = Claim()
    try:
        with pytest.raises(DactylError, match=r"^ROS cannot be started: .*no\.such\.host\.invalid") as error:
            claim.check({"trial"})
        assert "\n" not in str(error.value)
    finally:
        claim.release()
