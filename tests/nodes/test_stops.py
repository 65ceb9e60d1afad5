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
from std_srvs.srv import Trigger

from tests.nodes.lone_driver import FIRST, Hand, driver_alone

HEARTBEAT_AFTER = 0.3
WATCH = [sys.executable, "-m", "dactyl.nodes.hand_watch", "--ros-args", "-r", f"__ns:={FIRST}"]
STOP = [sys.executable, "-m", "dactyl.cli", "hand", "stop"]

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


def until_said(hand: Hand, line: str, begun: float) -> float:
    """ms from a moment to the driver's line."""
    lines = len(hand.graph.lines)
    hand.graph.until(lambda: any(line in said for said in hand.graph.lines[lines:]), 10.0)
    return 1e3 * (time.monotonic() - begun)


def test_a_key_a_command_and_a_killed_watch(hand: Hand) -> None:
    """Protects people, and docs/hardware.md from times that nobody measures: three of each."""
    took: dict[str, list[float]] = {"key": [], "hand stop": [], "watch killed": [], "terminal gone": []}
    for _ in range(3):
        with desk() as watched:
            move(hand)
            begun = time.monotonic()
            os.write(watched.keys, b"x")
            took["key"].append(until_said(hand, "stopped: emergency_stop", begun))
            time.sleep(1.2)  # a key's stop is sent again for a second
            move(hand)
            begun = time.monotonic()
            subprocess.Popen(STOP)
            took["hand stop"].append(until_said(hand, "stopped: hand_driver/stop", begun))
            move(hand)
            begun = time.monotonic()
            watched.process.kill()
            took["watch killed"].append(until_said(hand, "the hand holds, and has to be enabled again", begun))
        with desk() as watched:
            move(hand)
            begun = time.monotonic()
            os.close(watched.keys)
            took["terminal gone"].append(until_said(hand, "stopped: emergency_stop", begun))
            assert watched.process.wait(10.0) == 0
    for what, times in took.items():
        print(f"{what}: {' '.join(f'{each:.0f}' for each in times)} ms")
    assert max(took["key"]) < 500
    assert max(took["terminal gone"]) < 1000
    assert max(took["watch killed"]) < 1e3 * HEARTBEAT_AFTER + 100
    hand.targets.check_speed()
