"""The driver before upstream's own rosbridge_server, over ROS 1 from Debian's packages, with a stand-in for the hand.

It fetches what it needs, so it has to be asked for: see CONTRIBUTING.md.
"""

from __future__ import annotations

import dataclasses
import json
import math
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool, Trigger

from dactyl import topics
from dactyl.bringup.options import RealOptions
from dactyl.bringup.run import real_graph
from dactyl.robots.shadow import topics as names
from dactyl.robots.shadow.joints import ACTUATORS, JOINTS, ros_joint_name
from dactyl.ros import messages
from dactyl_msgs.msg import HandAction
from tests.nodes import ros1

HAND = Path(__file__).with_name("ros1_hand.py")
RATE = 5.0  # config/real.yaml
STRANGER = """
import sys, rospy, sensor_msgs.msg, trajectory_msgs.msg
rospy.init_node("stranger")
kind = sensor_msgs.msg.JointState if "joint_states" in sys.argv[1] else trajectory_msgs.msg.JointTrajectory
publisher = rospy.Publisher(sys.argv[1], kind, queue_size=1)
rospy.spin()
"""
NAMES = {ros_joint_name(joint) for joint in JOINTS}
BENT = 0.15
"""rad, where somebody puts every joint while the connection is lost; all of them can be there."""


class Laboratory:
    """ROS 1 with a master, rosbridge_server and a hand; beside it a graph of the driver alone, given actions."""

    def __init__(self, found: ros1.Ros1) -> None:
        self.found, self.port = found, ros1.free_port()
        self.commands: list[dict[str, Any]] = []
        """What arrived in the topics of ROS 1."""
        self.graph: Any = None
        self.acting = False
        self._count = 0
        self._log = (found.logs / "rosbridge.log").open("w")
        self._processes: list[subprocess.Popen[str]] = []
        self._start(["-c", f"import rosmaster; rosmaster.rosmaster_main(['--core', '-p', '{found.port}'])"])
        self._answers(found.port)
        self.hand = self._start([str(HAND)], subprocess.PIPE)
        threading.Thread(target=self._read, daemon=True).start()
        self.start_server()
        self._start([str(found.suite / "rosapi" / "scripts" / "rosapi_node")])

    def _start(self, arguments: list[str], output: Any = None) -> subprocess.Popen[str]:
        self._processes.append(self.found.start(arguments, self._log if output is None else output))
        return self._processes[-1]

    def start_server(self) -> None:
        script = self.found.suite / "rosbridge_server" / "scripts" / "rosbridge_websocket.py"
        self.server = self._start([str(script), "--port", str(self.port), "--address", "127.0.0.1"])
        self._answers(self.port)

    def _answers(self, port: int) -> None:
        """Wait for a server."""
        deadline = time.monotonic() + 30.0
        while not _listens(port):
            assert time.monotonic() < deadline, self.log()
            assert self._processes[-1].poll() is None, self.log()
            time.sleep(0.1)

    def log(self) -> str:
        return Path(self._log.name).read_text()

    def _read(self) -> None:
        assert self.hand.stdout
        for line in self.hand.stdout:
            self.commands.append(json.loads(line))

    def bend(self, angle: float) -> None:
        assert self.hand.stdin
        self.hand.stdin.write(f"{angle}\n")
        self.hand.stdin.flush()

    def watch(self, graph: Any) -> None:
        """Take a graph, and let actions go to its driver as a policy's would."""
        self.graph = graph
        self.publisher = graph.node.create_publisher(HandAction, f"/dactyl/{topics.FILTERED}", messages.RELIABLE)
        self.timer = graph.node.create_timer(0.08, self._act)
        self.states = graph.listen(JointState, topics.JOINT_STATES)
        self.statuses = graph.listen(DiagnosticArray, "/diagnostics", messages.RELIABLE)

    def _act(self) -> None:
        if not self.acting:
            return
        self._count += 1
        value = 0.3 * math.sin(0.3 * self._count)
        action = HandAction(robot="shadow", sequence=self._count, action=[value] * len(ACTUATORS))
        action.header.stamp = self.graph.node.get_clock().now().to_msg()
        self.publisher.publish(action)

    def said(self) -> str:
        """What the driver's diagnostics said last."""
        found = [status for array in self.statuses for status in array.status if "hand_driver" in status.name]
        return found[-1].message if found else ""

    def call(self, name: str, enable: bool | None = None) -> Any:
        kind = Trigger if enable is None else SetBool
        request = Trigger.Request() if enable is None else SetBool.Request(data=enable)
        return self.graph.call(kind, f"/dactyl/hand_driver/{name}", request)

    def enable(self) -> None:
        """As soon as the driver takes it: temperatures come once a second."""
        self.graph.until(lambda: self.call("enable", True).success, 30.0)
        self.acting = True

    def fingers(self, since: int = 0) -> list[dict[str, Any]]:
        return [command for command in self.commands[since:] if command["topic"] == names.FINGERS]

    def stranger(self, topic: str) -> subprocess.Popen[str]:
        """Another node of ROS 1 that means to publish on a topic, and has not done so yet."""
        return self._start(["-c", STRANGER, topic])

    def fastest(self) -> float:
        """rad/s of any target over 80 ms or more, by their times of arrival."""
        found = 0.0
        for topic in (names.FINGERS, names.WRIST):
            commands = [command for command in self.commands if command["topic"] == topic]
            times = np.array([command["time"] for command in commands])
            targets = np.array([posture(command) for command in commands])
            later = np.searchsorted(times, times + 0.08)
            first = np.flatnonzero(later < len(times))
            way = np.abs(targets[later[first]] - targets[first]).max(axis=1)
            found = max(found, float((way / (times[later[first]] - times[first])).max()))
        return found

    def close(self) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait()
        self._log.close()


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def laboratory(run_graph: Callable[..., Any], tmp_path: Path) -> Iterator[Laboratory]:
    try:
        found = ros1.prepare(tmp_path)
    except ros1.MissingError as missing:
        pytest.skip(str(missing))
    made = Laboratory(found)
    whole = real_graph(RealOptions(dashboard=False))
    driver = {"transport": "rosbridge", "rosbridge_address": f"127.0.0.1:{made.port}", "action_origin": "middle"}
    try:
        with run_graph(dataclasses.replace(whole, nodes=(whole.node("hand_driver"),)), hand_driver=driver) as graph:
            made.watch(graph)
            yield made
            print(f"fastest target: {made.fastest():.2f} rad/s over 80 ms, {len(made.fingers())} commands")
            assert made.fastest() < 1.25 * RATE, "and a command may be late"
    finally:
        made.close()


def posture(command: dict[str, Any], kind: str = "targets") -> np.ndarray:
    """Angles of a command's joints in their order, rad: those it asks for, or those the hand had when it came."""
    return np.array([command[kind][name] for name in command["targets"]])


@pytest.mark.slow
def test_a_real_rosbridge_carries_joint_states_and_targets(laboratory: Laboratory) -> None:
    """Protects the way to Shadow's ROS 1 from a stand-in server that is kinder than the real one."""
    laboratory.graph.until(lambda: len(laboratory.states) > 100)
    assert set(laboratory.states[-1].name) == NAMES
    assert np.allclose(laboratory.states[-1].position, 0.1)
    assert not laboratory.commands, "nothing is sent before it is enabled"
    laboratory.enable()
    laboratory.graph.until(lambda: len(laboratory.fingers()) > 600)

    fingers = laboratory.fingers()[50:]
    wrist = next(command for command in laboratory.commands if command["topic"] == names.WRIST)
    assert set(fingers[0]["targets"]) == {name for name in NAMES if "WR" not in name}
    assert set(wrist["targets"]) == {"rh_WRJ1", "rh_WRJ2"}
    assert {command["topic"] for command in laboratory.commands} == {names.FINGERS, names.WRIST}
    assert {(command["stamp"], command["from_start"]) for command in fingers} == {(0, 8_000_000)}
    assert all(command["targets"]["rh_FFJ1"] == command["targets"]["rh_FFJ2"] for command in fingers)
    periods = 1000 * np.diff([command["time"] for command in fingers])
    print(f"rosbridge_suite {laboratory.found.version}: targets every {np.median(periods):.2f} ms,", end=" ")
    print(f"p99 {np.percentile(periods, 99):.1f} ms, {len(fingers)} of them")
    assert 6.5 < np.mean(periods) < 10.0, "one in 8 ms, and one more for each action"
    assert np.ptp([posture(command) for command in fingers], axis=0).max() > 0.3, "the hand moves"
    assert laboratory.said() == "running"


@pytest.mark.slow
def test_a_real_rosbridge_killed_in_motion_brings_nothing_old_back(laboratory: Laboratory) -> None:
    """Protects the hand, which somebody may have bent meanwhile, from the targets of before."""
    laboratory.enable()
    laboratory.graph.until(lambda: len(laboratory.fingers()) > 200)
    lose(laboratory)
    assert "the hand is held where it was last seen" in laboratory.graph.text
    assert not laboratory.call("enable", True).success
    laboratory.call("reset")
    laboratory.statuses.clear()
    laboratory.graph.until(laboratory.said, 10.0)
    assert laboratory.said() == f"no connection to rosbridge at 127.0.0.1:{laboratory.port}"
    assert not laboratory.call("enable", True).success
    before = come_back(laboratory)
    assert not laboratory.commands[before:], "it is not enabled, and nothing waited"

    laboratory.enable()
    laboratory.graph.until(lambda: len(laboratory.fingers(before)) > 100)
    assert off(laboratory.fingers(before)[0]) < 0.1
    laboratory.graph.until(lambda: laboratory.said() == "running", 10.0)


@pytest.mark.slow
def test_a_real_rosbridge_that_comes_back_finds_the_hand_stopped(laboratory: Laboratory) -> None:
    """Protects a hand that nobody has reset: targets only go back to where it is now."""
    laboratory.enable()
    laboratory.graph.until(lambda: len(laboratory.fingers()) > 200)
    lose(laboratory)
    before = come_back(laboratory)
    fingers = laboratory.fingers(before)
    sent = np.array([posture(command) for command in fingers])
    print(f"{len(sent)} commands while stopped, the first {off(fingers[0]):.2f} rad from the hand")
    way = np.abs(sent - BENT)
    assert (way <= way[0] + 0.1).all(), "never farther away"
    assert off(fingers[-1]) < 0.01
    assert laboratory.said() == "stopped: no joint states for 1 s"
    laboratory.call("reset")
    laboratory.enable()
    laboratory.graph.until(lambda: laboratory.said() == "running", 10.0)


@pytest.mark.slow
@pytest.mark.parametrize("topic", [names.FINGERS, topics.JOINT_STATES], ids=["commander", "joint states"])
def test_another_node_of_ros_1_stops_the_hand_and_is_named(laboratory: Laboratory, topic: str) -> None:
    """Protects the hand from a second commander, or a second hand, before its first message, as rosapi tells of it."""
    laboratory.enable()
    laboratory.graph.until(lambda: len(laboratory.fingers()) > 100)
    begun = time.monotonic()
    other = laboratory.stranger(topic)
    laboratory.graph.until(lambda: "stopped: " in laboratory.graph.text, 20.0)
    print(f"stopped {time.monotonic() - begun:.2f} s after its start")
    stopped = f"another node commands the hand on {topic} in the ROS behind rosbridge: /stranger"
    if topic == topics.JOINT_STATES:
        stopped = f"2 nodes publish {topic} in the ROS behind rosbridge: /sr_hand_robot and /stranger"
    assert f"stopped: {stopped}" in laboratory.graph.text
    laboratory.call("reset")
    assert laboratory.call("enable", True).message == stopped
    other.terminate()
    laboratory.enable()


def lose(laboratory: Laboratory) -> None:
    """Kill the server, and wait until the driver has noticed."""
    laboratory.server.kill()
    killed = time.monotonic()
    laboratory.graph.until(lambda: "stopped: no joint states for 1 s" in laboratory.graph.text, 10.0)
    print(f"stopped {time.monotonic() - killed:.2f} s after the kill")


def come_back(laboratory: Laboratory) -> int:
    """Start the server again, with the hand bent elsewhere. How many commands had arrived by then."""
    before, read = len(laboratory.commands), len(laboratory.states)
    laboratory.bend(BENT)
    laboratory.start_server()
    laboratory.graph.until(lambda: len(laboratory.states) > read + 250)
    return before


def off(command: dict[str, Any]) -> float:
    """How far a command is from where the hand was when it came, rad."""
    return float(np.abs(posture(command) - posture(command, "angles")).max())
