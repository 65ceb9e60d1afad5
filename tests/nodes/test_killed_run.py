"""A run that is killed, or whose terminal goes away: the driver of the hand holds it and ends, as all other nodes do.

The graph of the real hand, emulated, with the limits of config/real.yaml; ended by what is said to end it.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import JointState

from dactyl import topics
from dactyl.nodes.hand_driver import END_WITHIN
from dactyl.ros.apart import node_apart
from tests.nodes.conftest import EVERYTHING
from tests.nodes.targets import RATE, STEP, Targets
from tests.processes import alive, nodes_of
from tests.terminal import in_a_terminal

MOVES_NS = 50_000_000
"""Since the last change of a target: the hand is on its way, not held between two trials."""
BEFORE_NS = 500_000_000
"""On a busy machine actions may be missing, and the hand may be held already: where it was read so long before."""
NEAR = 0.05
"""rad that a hand may turn between two readings: the one that it is held at may be lost to this test."""
GONE_WITHIN = 5.0
"""s from the signal to the end of the last process, on a busy machine too."""
COMMANDS = {
    "dactyl": [sys.executable, "-m", "dactyl.cli", "real", "--emulate", "--no-dashboard"],
    "launch": ["ros2", "launch", "dactyl", "real.launch.py", "emulate:=true", "dashboard:=false"],
}


class Watched:
    """A run in processes of its own, and a node that hears the hand's topics."""

    def __init__(self, command: list[str], log: Path, executor: SingleThreadedExecutor) -> None:
        node = executor.get_nodes()[0]
        self._executor = executor
        self._log = log
        self.targets = Targets(node)
        self.readings: list[tuple[int, list[str], np.ndarray]] = []
        """When each was sent, ns, names and angles."""
        topic = topics.of_simulated_hand(topics.JOINT_STATES)
        node.create_subscription(JointState, topic, self._read, EVERYTHING)
        with log.open("w") as output:
            self.process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, preexec_fn=in_a_terminal, start_new_session=True
            )

    def _read(self, message: JointState, info: dict[str, int]) -> None:
        self.readings.append((info["source_timestamp"], list(message.name), np.array(message.position)))

    def until(self, condition: Callable[[], object], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self._log.read_text()
            self._executor.spin_once(timeout_sec=0.02)


@pytest.fixture(params=COMMANDS)
def run(request: pytest.FixtureRequest, ros_domain: int, tmp_path: Path) -> Iterator[Watched]:
    if request.param == "launch" and not importlib.util.find_spec("ros2launch"):
        pytest.skip("ros2 launch is not installed: only a ROS installation has it")
    with node_apart("observer") as node:
        executor = SingleThreadedExecutor(context=node.context)
        executor.add_node(node)
        watched = Watched(COMMANDS[request.param], tmp_path / "log", executor)
        try:
            watched.until(lambda: watched.targets.changes > 80, 120.0)  # beyond the ramp
            yield watched
        finally:
            for pid in (*nodes_of(watched.process.pid), watched.process.pid):
                if alive(pid):
                    os.kill(pid, signal.SIGKILL)
            watched.process.wait(10.0)
            executor.shutdown(timeout_sec=1.0)


@pytest.mark.slow
@pytest.mark.flaky(reruns=1)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_the_driver_holds_the_hand_and_ends(run: Watched, number: signal.Signals) -> None:
    """Protects the hand from a driver that goes on, and from a last target that it is still on its way to."""
    nodes = nodes_of(run.process.pid)
    (driver,) = (pid for pid, name in nodes.items() if name == "hand_driver")
    assert len(nodes) > 8
    run.until(lambda: time.time_ns() - run.targets.changed_ns < MOVES_NS, 30.0)
    sent, killed_ns = time.monotonic(), time.time_ns()
    run.process.send_signal(number)
    run.until(lambda: not alive(driver), GONE_WITHIN)
    driver_gone = time.monotonic() - sent
    run.until(lambda: not any(map(alive, nodes)), GONE_WITHIN)
    all_gone = time.monotonic() - sent
    end = time.monotonic() + 0.5
    run.until(lambda: time.monotonic() > end, 10.0)  # what was sent last is still to be taken
    off = run.targets.off(run.readings, killed_ns - BEFORE_NS)
    held_ms = max(0.0, (run.targets.changed_ns - killed_ns) * 1e-6)
    print(f"held after {held_ms:.0f} ms, {off:.3f} rad from where the hand was read;", end=" ")
    print(f"driver gone after {1e3 * driver_gone:.0f} ms, {len(nodes)} nodes after {1e3 * all_gone:.0f} ms")
    assert off < NEAR, "the last targets are where the hand was read"
    assert held_ms < 1000 * (STEP / RATE + END_WITHIN)
    run.targets.check_speed()
