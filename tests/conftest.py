"""What every test may use."""

from __future__ import annotations

import fcntl
import gc
import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

# Above 101 the ports of a domain reach into Linux's range of ephemeral ports.
DOMAINS = range(1, 102)

# What bringup gives to nodes, for the tests' own. Fast DDS reads it once in a process, when its first node is made.
os.environ.setdefault("FASTRTPS_DEFAULT_PROFILES_FILE", str(Path(__file__).parents[1] / "config" / "fastdds.xml"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run the slow tests too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--all"):
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="slow: run with --all"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let go what a test with ROS has made: nodes in cycles keep their participants, which can lock each other.

    After its fixtures, whose values pytest keeps until then. What was there before is not looked through, which would
    take seconds.
    """
    if not {"ros_domain", "two_ros_domains"} & set(getattr(item, "fixturenames", ())):
        return (yield)
    gc.freeze()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.unfreeze()


@pytest.fixture
def ros_domain(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A ROS_DOMAIN_ID, set in the environment, that no other test uses meanwhile, in this pytest or another."""
    yield from _domains(1, monkeypatch)


@pytest.fixture
def two_ros_domains(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The first of two ROS domains, one after the other, that no other test uses meanwhile."""
    yield from _domains(2, monkeypatch)


def _domains(count: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The first of so many domains in a row, while they are this test's."""
    pytest.importorskip("rclpy", reason="needs ROS: run with ./dactyl test")
    folder = Path(tempfile.gettempdir(), f"dactyl-domains-{os.getuid()}")
    folder.mkdir(exist_ok=True)
    for domain in DOMAINS[: 1 - count or None]:
        with ExitStack() as locks:
            files = [locks.enter_context((folder / str(domain + i)).open("w")) for i in range(count)]
            try:
                for file in files:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            monkeypatch.setenv("ROS_DOMAIN_ID", str(domain))
            monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
            yield domain
            return
    pytest.fail("every ROS domain is taken")


@pytest.fixture
def start_ros(ros_domain: int) -> Iterator[Callable[[list[str]], None]]:
    """`start_ros(arguments)` starts ROS in this process, for a test that destroys its nodes."""
    import rclpy
    from rclpy.utilities import get_default_context

    from dactyl.ros.apart import end

    yield lambda arguments: rclpy.init(args=arguments)
    end(get_default_context(shutting_down=True))


@pytest.fixture
def make_node(start_ros: Callable[[list[str]], None]) -> Iterator[Callable[..., Any]]:
    """`make_node(kind, parameter=value)` makes a node in this process; its callbacks are called by the test."""
    nodes = []

    def make(kind: type[Any], **parameters: Any) -> Any:
        arguments = ["--ros-args"]
        for name, value in parameters.items():
            arguments += ["-p", f"{name}:={value}"]
        start_ros(arguments)
        nodes.append(kind())
        return nodes[-1]

    yield make
    for node in nodes:
        node.destroy_node()
