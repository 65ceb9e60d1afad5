"""Who else speaks for the hand or to it, as the ROS graph knows: only one node may do either."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from rclpy.node import Node

from dactyl import topics

OBSERVERS = ("timing_monitor", "recorder", "loop_benchmark", "rosbag2_recorder")
"""Nodes that listen to commands and do not follow them. So do those whose name begins with an underscore, as ROS's
own commands have it."""

NAMELESS = "a node without a name yet"
"""ROS tells of a publisher before it tells of its node."""


class Peers:
    """The other nodes on the topics of a robot's hand."""

    def __init__(
        self,
        node: Node,
        commands: Collection[str],
        tolerated: Sequence[str],
        joint_states: str = topics.JOINT_STATES,
    ) -> None:
        """
        Args:
            node: that drives the hand. Where it hands on the joint states itself, it is the one that may.
            commands: topics that it commands the hand on; none where ROS 2 does not carry them.
            tolerated: full names of nodes that may speak on these topics too: an arm's, on the joint states.
            joint_states: topic of the hand's.
        """
        self._node, self._tolerated = node, frozenset(tolerated)
        self._own = node.get_fully_qualified_name()
        self._joint_states = node.resolve_topic_name(joint_states)
        self._commands = [node.resolve_topic_name(topic) for topic in commands]

    def conflict(self) -> str:
        """Which node speaks that must not; empty if there is none."""
        senders = self._publishers(self._joint_states)
        if len(senders) > 1:
            return f"{len(senders)} nodes publish {self._joint_states}: {' and '.join(senders)}"
        for topic in self._commands:
            others = self._publishers(topic)
            if self._own in others:
                others.remove(self._own)  # once: another node may have the same name
            if others:
                return f"another node commands the hand on {topic}: {others[0]}"
        return ""

    def untaken(self) -> str:
        """Which commands nobody takes; empty if all are taken."""
        for topic in self._commands:
            listeners = _names(self._node.get_subscriptions_info_by_topic, topic)
            if not any(_follows(name.rpartition("/")[2]) for name in listeners):
                return f"nobody takes {topic}: are the hand's controllers running?"
        return ""

    def _publishers(self, topic: str) -> list[str]:
        if self._node.count_publishers(topic) < 2:  # this is asked often, and the next costs more
            return []
        return [name for name in _names(self._node.get_publishers_info_by_topic, topic) if name not in self._tolerated]


def _names(ask: Callable[[str], list[Any]], topic: str) -> list[str]:
    found = ((each.node_namespace.rstrip("/"), each.node_name) for each in ask(topic))
    return [NAMELESS if "UNKNOWN" in name else f"{space}/{name}" for space, name in found]


def _follows(name: str) -> bool:
    return name not in OBSERVERS and not name.startswith("_")
