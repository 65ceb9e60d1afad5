"""How long people wait: from a key, a command or a killed watch to the real driver's stop."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from sensor_msgs.msg import Joy
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from dactyl import topics
from dactyl.ros import messages
from tests.nodes.lone_driver import FIRST, Hand, driver_alone

HEARTBEAT_AFTER = 0.3
WATCH = [sys.executable, "-m", "dactyl.nodes.hand_watch", "--ros-args", "-r", f"__ns:={FIRST}"]
STOP = [sys.executable, "-m", "dactyl.cli", "hand", "stop"]

STOPS_AGAIN_FOR = 1.2
"""s: the watch sends its stop again for a second."""

pytestmark = pytest.mark.slow


class Desk(NamedTuple):
    """Where somebody watches the hand: hand_watch in a terminal."""

    process: subprocess.Popen[bytes]
    keys: int
    """What is written there has been typed."""


@contextlib.contextmanager
def desk() -> Iterator[Desk]:
    keys, its_end = pty.openpty()
    process = subprocess.Popen(WATCH, stdin=its_end, stdout=its_end, stderr=its_end, start_new_session=True)
    os.close(its_end)
    try:
        yield Desk(process, keys)
    finally:
        process.kill()
        process.wait(10.0)
        time.sleep(2 * HEARTBEAT_AFTER)  # its last heartbeat enables nothing any more
        with contextlib.suppress(OSError):  # a test may have closed it
            os.close(keys)


@pytest.fixture
def hand(run_graph: Callable[..., Any]) -> Iterator[Hand]:
    """It only moves while somebody watches."""
    with run_graph(driver_alone(FIRST), hand_driver={"heartbeat_after": HEARTBEAT_AFTER}) as graph:
        yield Hand(graph)


def move(hand: Hand) -> None:
    """Enable the hand, and wait until it is beyond the ramp."""
    hand.graph.call(Trigger, f"{FIRST}/hand_driver/reset", Trigger.Request())
    hand.enable_when_it_may(FIRST)
    changes = hand.targets.changes
    hand.graph.until(lambda: hand.targets.changes > changes + 80)


def took(hand: Hand, act: Callable[[], object], line: str) -> float:
    """ms from what somebody does to the driver's line."""
    lines, begun = len(hand.graph.lines), time.monotonic()
    act()
    hand.graph.until(lambda: any(line in said for said in hand.graph.lines[lines:]), 10.0)
    return 1e3 * (time.monotonic() - begun)


def test_how_soon_the_hand_stops(hand: Hand) -> None:
    """Protects people, and docs/hardware.md from times that nobody measures: three of each."""
    node = hand.graph.node
    gamepad = node.create_publisher(Joy, topics.absolute(topics.JOY, FIRST), 10)
    button = node.create_publisher(Bool, topics.absolute(topics.EMERGENCY_STOP, FIRST), messages.RELIABLE)
    times: dict[str, list[float]] = {}

    def measure(what: str, act: Callable[[], object], line: str = "stopped: emergency_stop") -> None:
        move(hand)
        times.setdefault(what, []).append(took(hand, act, line))

    for _ in range(3):
        with desk() as watched:
            measure("a key", lambda watched=watched: os.write(watched.keys, b"x"))  # type: ignore[misc]
            time.sleep(STOPS_AGAIN_FOR)
            measure("a gamepad's button", lambda: gamepad.publish(Joy(buttons=[1, 0, 0, 0])))
            time.sleep(STOPS_AGAIN_FOR)
            measure("the topic emergency_stop", lambda: button.publish(Bool(data=True)))
            asked: list[subprocess.Popen[bytes]] = []
            line = "stopped: hand_driver/stop"
            measure("hand stop", lambda asked=asked: asked.append(subprocess.Popen(STOP)), line)  # type: ignore[misc]
            assert asked[0].wait(10.0) == 0
            measure("the watch killed", watched.process.kill, "the hand holds, and has to be enabled again")
        with desk() as watched:
            measure("its terminal gone", lambda watched=watched: os.close(watched.keys))  # type: ignore[misc]
            assert watched.process.wait(10.0) == 0
    for what, each in times.items():
        print(f"{what}: {' '.join(f'{ms:.0f}' for ms in each)} ms")
    assert max(times.pop("hand stop")) < 5000
    assert max(times.pop("the watch killed")) < 1e3 * HEARTBEAT_AFTER + 100
    assert max(map(max, times.values())) < 500
    hand.targets.check_speed()
