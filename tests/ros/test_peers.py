"""Which nodes count as takers of commands; conflicts have their tests in tests/nodes/test_hand_driver.py."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dactyl.ros.peers import Peers


class Graph:
    """Stands in for a node that knows the graph: publishers and subscribers by topic, by full name."""

    def __init__(self, publishers: dict[str, list[str]], subscribers: dict[str, list[str]]) -> None:
        self._publishers, self._subscribers = publishers, subscribers

    def get_fully_qualified_name(self) -> str:
        return "/dactyl/hand_driver"

    def resolve_topic_name(self, topic: str) -> str:
        return topic

    def count_publishers(self, topic: str) -> int:
        return len(self._publishers.get(topic, []))

    def get_publishers_info_by_topic(self, topic: str) -> list[Any]:
        return [_endpoint(name) for name in self._publishers.get(topic, [])]

    def get_subscriptions_info_by_topic(self, topic: str) -> list[Any]:
        return [_endpoint(name) for name in self._subscribers.get(topic, [])]


def _endpoint(name: str) -> Any:
    namespace, _, own = name.rpartition("/")
    return SimpleNamespace(node_namespace=namespace or "/", node_name=own)


@pytest.mark.parametrize(
    ("listeners", "taken"),
    [
        (["/controller_manager"], True),
        (["/dactyl/timing_monitor", "/dactyl/recorder", "/_ros2cli_1", "/rosbag2_recorder"], False),
        (["/dactyl/timing_monitor", "/dactyl/sim"], True),
        ([], False),
    ],
)
def test_those_who_only_listen_take_no_commands(listeners: list[str], taken: bool) -> None:
    """Protects an enable from a monitor that looks like a hand."""
    peers = Peers(Graph({}, {"/command": listeners}), ["/command"], [])  # type: ignore[arg-type]
    assert (peers.untaken() == "") == taken


def test_a_second_node_of_the_same_name_is_another_commander() -> None:
    """Protects a hand from two graphs on two computers, whose nodes have the same names."""
    own = "/dactyl/hand_driver"
    assert not Peers(Graph({"/command": [own]}, {}), ["/command"], []).conflict()  # type: ignore[arg-type]
    twice = Peers(Graph({"/command": [own, own]}, {}), ["/command"], [])  # type: ignore[arg-type]
    assert twice.conflict() == f"another node commands the hand on /command: {own}"
