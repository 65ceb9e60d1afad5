"""A running graph and a node that listens to it."""

from __future__ import annotations

import copy
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy

from dactyl.bringup.graph import Graph, Value
from dactyl.bringup.processes import Runner
from dactyl.ros.apart import end

EVERYTHING = QoSProfile(depth=1000, reliability=ReliabilityPolicy.BEST_EFFORT)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Graphs of ten processes in real time, on a machine that may stall: a second try, which pytest counts."""
    for item in items:
        if "run_graph" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.flaky(reruns=1))


class Running:
    """A graph that runs, and an observer: a node in this process whose callbacks run while the test waits."""

    def __init__(self, graph: Graph) -> None:
        self.lines: list[str] = []
        self.code: int | None = None
        self.runner = Runner(graph, self.lines.append)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.context = rclpy.Context()
        self.context.init()
        self.node = rclpy.create_node("observer", context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self._thread.start()

    def _run(self) -> None:
        self.code = self.runner.run(self._stop)

    @property
    def text(self) -> str:
        """What the nodes have printed."""
        return "".join(self.lines)

    def listen(self, kind: type[Any], topic: str, qos: QoSProfile = EVERYTHING) -> list[Any]:
        """A list that every message of a topic is appended to."""
        messages: list[Any] = []
        self.node.create_subscription(kind, topic, messages.append, qos)
        return messages

    def until(self, condition: Callable[[], object], seconds: float = 60.0) -> None:
        """Listen until a condition holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.text
            assert self.code is None or condition(), f"the run has ended: {self.text}"
            self._executor.spin_once(timeout_sec=0.05)

    def call(self, kind: type[Any], name: str, request: Any) -> Any:
        """The answer of a service."""
        client = self.node.create_client(kind, name)
        self.until(client.service_is_ready)
        future = client.call_async(request)
        self.until(future.done)
        return future.result()

    def join(self, seconds: float = 90.0) -> int | None:
        """Exit code of a run that ends by itself."""
        self._thread.join(seconds)
        assert not self._thread.is_alive(), self.text
        return self.code

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10.0)
        self._executor.shutdown(timeout_sec=1.0)
        self.node.destroy_node()
        end(self.context)


def changed(graph: Graph, changes: Mapping[str, Mapping[str, Value]]) -> Graph:
    """The graph with other parameters, by node."""
    nodes = (
        dataclasses.replace(node, parameters={**node.parameters, **changes.get(node.name, {})}) for node in graph.nodes
    )
    return dataclasses.replace(graph, nodes=tuple(nodes))


@pytest.fixture
def run_graph(ros_domain: int) -> Callable[..., AbstractContextManager[Running]]:
    """`with run_graph(graph, node={parameter: value}) as running:` a graph in a ROS domain of its own."""

    @contextmanager
    def start(graph: Graph, **changes: Mapping[str, Value]) -> Iterator[Running]:
        running = Running(changed(graph, changes))
        try:
            yield running
        finally:
            running.close()

    return start


class Recorder:
    """Takes a publisher's place and keeps copies of what is published."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def publish(self, message: Any) -> None:
        self.messages.append(copy.deepcopy(message))


@pytest.fixture
def recorder() -> type[Recorder]:
    return Recorder
