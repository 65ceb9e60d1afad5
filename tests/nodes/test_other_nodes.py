"""The real driver, a process of its own, and other nodes before its hand: a second driver among them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from dactyl.bringup.processes import command
from dactyl.robots.shadow.topics import FINGERS
from dactyl.ros.apart import node_apart
from dactyl.topics import JOINT_STATES
from tests.nodes.lone_driver import FIRST, SECOND, Hand, driver_alone


@pytest.fixture
def hand(run_graph: Callable[..., Any]) -> Iterator[Hand]:
    """The first driver, not enabled, and its hand."""
    with run_graph(driver_alone(FIRST)) as graph:
        yield Hand(graph)


@contextmanager
def second_driver() -> Iterator[None]:
    graph = driver_alone(SECOND)
    process = subprocess.Popen(command(graph.nodes[0], graph), env={**os.environ, **graph.environment})
    try:
        yield
    finally:
        process.terminate()
        process.wait(10.0)


def test_a_second_driver_stops_the_first_and_is_not_enabled(hand: Hand) -> None:
    """Protects the hand from being pulled two ways: both name each other, and only one stream of targets ever was."""
    hand.enable_when_it_may(FIRST)
    hand.graph.until(lambda: hand.targets.changes > 40)
    begun = time.monotonic()
    with second_driver():
        hand.graph.until(lambda: hand.graph.node.count_publishers(FINGERS) == 2)
        came = time.monotonic()
        hand.graph.until(lambda: "stopped: " in hand.graph.text)
        now = time.monotonic()
        print(f"stopped {now - begun:.2f} s after the second driver's start, {1e3 * (now - came):.0f} ms after it came")
        expected = f"stopped: another node commands the hand on {FINGERS}: {SECOND}/hand_driver"
        assert expected in hand.graph.text
        answers = [hand.enable(SECOND)]
        named = f"another node commands the hand on {FINGERS}: {FIRST}/hand_driver"
        hand.graph.until(lambda: (answers.append(hand.enable(SECOND)), answers[-1].message == named)[1])
        assert not any(answer.success for answer in answers), answers
        seen = hand.targets.last_ns
        hand.graph.until(lambda: hand.targets.last_ns > max(seen, hand.targets.changed_ns) + 500_000_000)
        hand.targets.check_speed()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "topic", "said"),
    [
        (JointTrajectory, FINGERS, f"another node commands the hand on {FINGERS}: /stranger"),
        (JointState, JOINT_STATES, f"2 nodes publish {JOINT_STATES}: "),
    ],
    ids=["commander", "joint states"],
)
def test_a_stranger_stops_the_hand_before_it_speaks(hand: Hand, kind: type, topic: str, said: str) -> None:
    """Protects the hand in real time from a node that has not even said its first word."""
    hand.enable_when_it_may(FIRST)
    hand.graph.until(lambda: hand.targets.changes > 40)
    with node_apart("stranger") as stranger:
        begun = time.monotonic()
        stranger.create_publisher(kind, topic, 10)
        hand.graph.until(lambda: "stopped: " in hand.graph.text)
        print(f"stopped {1e3 * (time.monotonic() - begun):.0f} ms after it came")
        assert f"stopped: {said}" in hand.graph.text
        assert "/stranger" in hand.graph.text
    hand.targets.check_speed()


@pytest.mark.slow
def test_a_killed_driver_starts_again_and_sends_nothing(hand: Hand) -> None:
    """Protects whoever believes that the hand stands still since its driver was killed: it waits to be enabled."""
    hand.enable_when_it_may(FIRST)
    hand.graph.until(lambda: hand.targets.changes > 40)
    os.kill(hand.graph.runner.pids()["hand_driver"], signal.SIGKILL)
    hand.graph.until(lambda: hand.graph.text.count("the hand does not move until it is enabled") == 2)
    sent = hand.targets.last_ns
    end = time.monotonic() + 1.0
    hand.graph.until(lambda: time.monotonic() > end)  # actions and joint states go on
    assert hand.targets.last_ns == sent
    hand.enable_when_it_may(FIRST)
    hand.graph.until(lambda: hand.targets.last_ns > sent)
    hand.targets.check_speed()


def test_of_two_drivers_none_is_enabled(hand: Hand) -> None:
    """Protects a hand that was started twice: whichever is asked names the other."""
    with second_driver():
        hand.graph.until(lambda: hand.graph.node.count_publishers(FINGERS) == 2)
        for asked, other in ((FIRST, SECOND), (SECOND, FIRST)):
            hand.graph.until(lambda asked=asked, other=other: f"{other}/hand_driver" in hand.enable(asked).message)  # type: ignore[misc]
    hand.enable_when_it_may(FIRST)
    assert not hand.targets.changes, "until it was alone"
