"""The graph as data: which nodes, with which parameters, restarted or not. For ROS's `launch` and for `processes`.

Parameters come from the package's config/*.yaml, read by `configuration`; what a person chooses for one run is laid
over them.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dactyl.errors import WRONG_PARAMETER
from dactyl.storage.shared import shared
from dactyl.topics import NAMESPACE

Value = bool | int | float | str | list[Any]
TOGETHER = "together"
"""The process that several nodes share, and its module in dactyl.bringup."""


@dataclass(frozen=True)
class Node:
    """One node of the graph, usually a process of its own."""

    name: str
    """Also its executable's, and its module's in dactyl.nodes."""
    parameters: Mapping[str, Value] = field(default_factory=dict)
    """Laid over those of the graph's configuration."""
    remappings: tuple[tuple[str, str], ...] = ()
    respawn: bool = True
    respawn_delay: float = 0.5
    """s"""
    required: bool = False
    """The run ends with it, and with its exit code."""
    package: str = "dactyl.nodes"
    """Python package of its module."""
    members: tuple[str, ...] = ()
    """Nodes that share this process; empty: it is one itself."""


def _environment() -> dict[str, str]:
    # thread pools of numpy and torch would fight over the cores; a heap for each of DDS's threads is only memory
    environment = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    if not any(name in os.environ for name in ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")):
        environment["FASTRTPS_DEFAULT_PROFILES_FILE"] = str(shared("config", "fastdds.xml"))
    return environment


@dataclass(frozen=True)
class Graph:
    """Everything that runs."""

    nodes: tuple[Node, ...]
    configuration: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    """Parameters by node."""
    namespace: str = NAMESPACE
    """Of its nodes, services and topics, but for those whose names begin with a slash."""
    alone: bool = True
    """Whether its nodes would disturb others of their names: a recorder beside a graph only listens."""
    environment: Mapping[str, str] = field(default_factory=_environment)
    together: tuple[str, ...] = ()
    """Names of nodes that share one process."""

    @property
    def processes(self) -> tuple[Node, ...]:
        """What is started: a node each, but for those that share a process, which comes first."""
        members = tuple(node for node in self.nodes if node.name in self.together)
        if not members:
            return self.nodes
        names = tuple(node.name for node in members)
        required = any(node.required for node in members)
        shared = Node(TOGETHER, required=required, package="dactyl.bringup", members=names)
        return (shared, *(node for node in self.nodes if node.name not in names))

    def node(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)

    def parameters(self, node: Node) -> dict[str, Value]:
        """Everything that a node is started with."""
        return {**self.configuration.get(node.name, {}), **node.parameters}


def with_parameters(nodes: Iterable[Node], changes: Mapping[str, Mapping[str, Value]]) -> list[Node]:
    """The nodes with more parameters, by node."""
    return [dataclasses.replace(node, parameters={**node.parameters, **changes.get(node.name, {})}) for node in nodes]


def exit_reason(node: Node, exit_code: int) -> str:
    """Why the run ends when this node ends like this; empty if it goes on."""
    if node.required:
        return f"{node.name} has finished" if exit_code == 0 else f"{node.name} ended with exit code {exit_code}"
    return f"{node.name} cannot start as configured" if exit_code == WRONG_PARAMETER else ""
