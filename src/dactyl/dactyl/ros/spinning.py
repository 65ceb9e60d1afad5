"""What runs the callbacks of nodes until one of them is finished: either of rclpy's executors.

`waitset` puts everything that the nodes have into a set at each wake, waits for the set, and looks through it.
`events` is told by the middleware what is ready and calls back at once. rclpy calls it experimental.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future

from dactyl import variables
from dactyl.errors import DactylError

LONGEST = 1.0
"""s that the events executor may run without a look at whether it is to go on.

It must never run without a limit. The wheels are built for a glibc that cannot wait by the steady clock, so a time
without end overflows there: the wait fails at once, again and again, with the queue's lock held. Then no event comes
in, and no end either."""


class Spinner(Protocol):
    """Runs callbacks in the thread that calls `spin`."""

    def add(self, node: Node) -> None:
        """Run this node's callbacks too."""

    def spin(self, going: Callable[[], bool]) -> None:
        """Run callbacks as long as that holds. What a callback raises is raised here."""

    def stop(self) -> None:
        """Let `spin` ask whether to go on, after the callback that runs now; from any thread."""

    def close(self) -> None:
        """Let go of the nodes; no callback runs any more."""


def spinner() -> Spinner:
    """What the environment asks for.

    Raises:
        DactylError: there is no such executor, or this rclpy does not have it.
    """
    return _Events() if variables.executor() == variables.EVENTS else _WaitSet()


class _WaitSet:
    def __init__(self) -> None:
        self._executor = SingleThreadedExecutor()
        self._closed = False

    def add(self, node: Node) -> None:
        self._executor.add_node(node)

    def spin(self, going: Callable[[], bool]) -> None:
        while going():
            self._executor.spin_once()

    def stop(self) -> None:
        if not self._closed:
            self._executor.create_task(_nothing)  # when only woken it would go on to wait for something to do

    def close(self) -> None:
        self._closed = True
        self._executor.shutdown(timeout_sec=1.0)


def _nothing() -> None:
    """What is done when nothing else is to be done."""


class _Events:
    def __init__(self) -> None:
        try:
            experimental: Any = importlib.import_module("rclpy.experimental")
        except ImportError as error:
            wanted = f"{variables.EXECUTOR}={variables.EVENTS}"
            raise DactylError(f"this installation's rclpy has no events executor: leave out {wanted}") from error
        self._executor = experimental.EventsExecutor()
        self._ended = Future()
        """Done when `stop` was called. To wake this executor is not enough: it would update its nodes and go on."""

    def add(self, node: Node) -> None:
        self._executor.add_node(node)

    def spin(self, going: Callable[[], bool]) -> None:
        while going():
            with suppress(ExternalShutdownException):  # somebody has ended ROS: `going` says so
                self._executor.spin_until_future_complete(self._ended, LONGEST)

    def stop(self) -> None:
        self._ended.set_result(None)

    def close(self) -> None:
        self._executor.shutdown(timeout_sec=1.0)
