"""The two ways in which the callbacks of nodes are run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from std_msgs.msg import Empty

from dactyl import variables
from dactyl.errors import DactylError
from dactyl.ros.messages import RELIABLE
from dactyl.ros.node import DactylNode
from dactyl.ros.polling import NotExecuted, subscribe, take
from dactyl.ros.spinning import spinner


class Idle(DactylNode):
    """Has nothing but what every node has."""

    def __init__(self) -> None:
        super().__init__("idle")


class Ticker(DactylNode):
    """Counts what it is called for."""

    def __init__(self) -> None:
        super().__init__("ticker")
        self.ticks = 0
        self.heard: list[Empty] = []
        self.error: Exception | None = None
        self.publisher = self.create_publisher(Empty, "tick", RELIABLE)
        self.create_subscription(Empty, "tick", self.heard.append, RELIABLE)
        self.polled = subscribe(self, Empty, "tick", RELIABLE, NotExecuted(), raw=False)
        self.wall_timer(0.01, self.on_timer)

    def on_timer(self) -> None:
        self.ticks += 1
        self.publisher.publish(Empty())
        if self.error:
            raise self.error


@pytest.fixture(params=[variables.WAITSET, variables.EVENTS])
def ticker(request: Any, make_node: Callable[..., Ticker], monkeypatch: pytest.MonkeyPatch) -> Ticker:
    """A node, and in the environment the executor that runs it."""
    monkeypatch.setenv(variables.EXECUTOR, request.param)
    return make_node(Ticker)


def spin(node: Ticker, until: Callable[[], object], seconds: float = 10.0) -> None:
    """Run its callbacks in this thread until another one stops them."""
    loop = spinner()
    loop.add(node)
    node.end_loop = loop.stop
    deadline = time.monotonic() + seconds

    def watch() -> None:
        while not until() and time.monotonic() < deadline:
            time.sleep(0.01)
        node.finish()

    threading.Thread(target=watch, daemon=True).start()
    try:
        loop.spin(lambda: not node.finished)
    finally:
        loop.close()
    assert until()


def test_callbacks_are_called_until_another_thread_ends_it(ticker: Ticker) -> None:
    """Protects the end by a signal, which a thread waits for; and timers and messages before it."""
    spin(ticker, lambda: ticker.ticks >= 20 and len(ticker.heard) >= 10)


def test_polled_subscriptions_are_left_alone(ticker: Ticker) -> None:
    """Protects recorder and dashboard: what they look at now and then, no executor takes away before."""
    spin(ticker, lambda: len(ticker.heard) >= 5)
    assert len(take(ticker.polled)) >= 5


def test_what_a_callback_raises_comes_out(ticker: Ticker) -> None:
    """Protects from a node that goes on without what has failed."""
    ticker.error = ValueError("broken")
    with pytest.raises(ValueError, match="broken"):
        spin(ticker, lambda: False, seconds=5.0)


def test_a_node_ends_itself(ticker: Ticker) -> None:
    """Protects the end of counted trials, and the one line about what has failed."""
    loop = spinner()
    loop.add(ticker)
    ticker.end_loop = loop.stop
    ticker.wall_timer(0.05, lambda: ticker.fail(DactylError("over")))
    began = time.monotonic()
    loop.spin(lambda: not ticker.finished)
    loop.close()
    assert time.monotonic() - began < 5.0
    assert str(ticker.failure) == "over"


@pytest.mark.parametrize("kind", [variables.WAITSET, variables.EVENTS])
def test_a_node_with_nothing_to_do_ends_at_once(
    make_node: Callable[..., DactylNode], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Protects the end of a run from waiting for the next second's diagnosis, node by node."""
    monkeypatch.setenv(variables.EXECUTOR, kind)
    node = make_node(Idle)
    loop = spinner()
    loop.add(node)
    node.end_loop = loop.stop
    ended: list[float] = []

    def end() -> None:
        ended.append(time.monotonic())
        node.finish()

    threading.Timer(0.3, end).start()
    loop.spin(lambda: not node.finished)
    took = time.monotonic() - ended[0]
    loop.close()
    node.finish()  # as a thread of the node may, when it is all over
    assert took < 0.4


def test_an_unknown_executor_is_refused_but_a_hand_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects from a run that is not what was asked for; a stop, which needs no executor of ours, goes through."""
    monkeypatch.setenv(variables.EXECUTOR, "event")
    variables.check_ros()
    with pytest.raises(DactylError, match="DACTYL_EXECUTOR=event is unknown"):
        spinner()
