"""Two real drivers, each a process of its own, before one hand."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dactyl.bringup.processes import command
from dactyl.robots.shadow.topics import FINGERS
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


def test_of_two_drivers_none_is_enabled(hand: Hand) -> None:
    """Protects a hand that was started twice: whichever is asked names the other."""
    with second_driver():
        hand.graph.until(lambda: hand.graph.node.count_publishers(FINGERS) == 2)
        for asked, other in ((FIRST, SECOND), (SECOND, FIRST)):
            hand.graph.until(lambda asked=asked, other=other: f"{other}/hand_driver" in hand.enable(asked).message)  # type: ignore[misc]
    hand.enable_when_it_may(FIRST)
    assert not hand.targets.changes, "until it was alone"
