"""Parameter files, as ROS has them, checked before any node starts: each mistake is one line with file and line."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from dactyl.bringup.declared import node_names, parameters_of
from dactyl.bringup.graph import Value
from dactyl.errors import DactylError, choose_from
from dactyl.ros.parameters import check_parameter
from dactyl.storage.yaml_files import compose, construct, place
from dactyl.topics import NAMESPACE

PARAMETERS = "ros__parameters"
ROS_OWN: dict[str, type] = {"use_sim_time": bool, "start_type_description_service": bool}
"""Parameters that every ROS node has."""
QOS = "qos_overrides."
EVERY_NODE = "/**"

Configuration = dict[str, dict[str, Value]]
"""Parameters by node."""
Entry = tuple[str, yaml.Node]
"""A key, and its value with its place."""


def read(path: Path, namespace: str = NAMESPACE) -> Configuration:
    """A parameter file's values by node, as the types that the nodes declare.

    Args:
        path: of the file. Its sections are `/dactyl` (or the namespace), with nodes below, `/dactyl/NODE`, or `/**`.
        namespace: that the nodes run in.

    Raises:
        DactylError: the file cannot be read; a node, a key or a value that there is not, by file and line.
    """
    file = _File(path, namespace)
    root = compose(path)
    found: Configuration = {}
    for node, entry in file.sections(root) if root is not None else ():
        for name, value in file.parameters(node, entry):
            found.setdefault(node, {})[name] = value
    return found


def merge(*configurations: Mapping[str, Mapping[str, Value]]) -> Configuration:
    """Each laid over those before."""
    merged: Configuration = {}
    for configuration in configurations:
        for node, parameters in configuration.items():
            merged.setdefault(node, {}).update(parameters)
    return merged


class _File:
    """One file, for messages."""

    def __init__(self, path: Path, namespace: str) -> None:
        self.path = path
        self.namespaces = tuple(dict.fromkeys((namespace, NAMESPACE, EVERY_NODE)))

    def error(self, node: yaml.Node, what: str) -> DactylError:
        return DactylError(f"{place(self.path, node)}: {what}")

    def entries(self, node: yaml.Node, what: str) -> Iterator[tuple[yaml.Node, Entry]]:
        """Keys, with their places, and values of a mapping; nothing of an empty one."""
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null"):
            return
        if not isinstance(node, yaml.MappingNode):
            raise self.error(node, f"expected {what}, each with a colon, not {construct(self.path, node)!r}")
        for key, value in node.value:
            yield key, (str(construct(self.path, key)), value)

    def sections(self, root: yaml.Node) -> Iterator[tuple[str, Entry]]:
        """Each node's name and its parameters, those for every node first."""
        top = list(self.entries(root, "namespaces"))
        for key, (name, section) in sorted(top, key=lambda item: item[1][0] != EVERY_NODE):
            namespace, _, node = name.rpartition("/")
            if name in self.namespaces:
                yield from self._nodes(name, section)
            elif namespace in self.namespaces:
                yield from self._node(key, node, section)
            else:
                raise self.error(key, f"unknown section {name}: {choose_from(name, self.namespaces)}")

    def _nodes(self, namespace: str, section: yaml.Node) -> Iterator[tuple[str, Entry]]:
        for key, (name, below) in self.entries(section, "nodes"):
            if name == PARAMETERS and namespace == EVERY_NODE:
                yield from ((node, (EVERY_NODE, below)) for node in node_names())
            else:
                yield from self._node(key, name, below)

    def _node(self, key: yaml.Node, name: str, section: yaml.Node) -> Iterator[tuple[str, Entry]]:
        if name not in node_names():
            raise self.error(key, f"there is no node {name}: {choose_from(name, node_names())}")
        for below, (word, parameters) in self.entries(section, f"{PARAMETERS} of {name}"):
            if word != PARAMETERS:
                raise self.error(below, f"{name} has {word} where {PARAMETERS} belongs, with the parameters below it")
            yield name, (name, parameters)

    def parameters(self, node: str, entry: Entry) -> Iterator[tuple[str, Value]]:
        """A node's parameters out of its section, or out of that for every node, of which it takes what it has."""
        section, below = entry
        declared = parameters_of(f"dactyl.nodes.{node}")
        hints = typing.get_type_hints(declared) if declared else {}
        limits = {field.name: field.metadata for field in fields(declared)} if declared else {}
        for key, name, value in self._flat(below, f"parameters of {section}"):
            if name in ROS_OWN:
                yield name, self._checked(key, value, name, ROS_OWN[name], {})
            elif name.startswith(QOS):
                yield name, construct(self.path, value)
            elif name in hints:
                yield name, self._checked(key, value, name, hints[name], limits[name])
            elif section != EVERY_NODE:
                raise self.error(key, f"{node} has no parameter {name}: {choose_from(name, [*hints, *ROS_OWN])}")
            elif not any(name in _names(other) for other in node_names()):
                raise self.error(key, f"no node has a parameter {name}")

    def _flat(self, node: yaml.Node, what: str, above: str = "") -> Iterator[tuple[yaml.Node, str, yaml.Node]]:
        """Key, name and value of parameters; a mapping below one is the part of its name after a dot."""
        for key, (name, value) in self.entries(node, what):
            if isinstance(value, yaml.MappingNode):
                yield from self._flat(value, what, f"{above}{name}.")
            else:
                yield key, above + name, value

    def _checked(self, key: yaml.Node, node: yaml.Node, name: str, hint: Any, limits: Mapping[str, Any]) -> Value:
        value = construct(self.path, node)
        if value is None:
            raise self.error(key, f"parameter {name} has no value")
        try:
            checked = check_parameter(name, value, hint, limits)
        except DactylError as error:
            raise self.error(node, str(error)) from error
        return list(checked) if isinstance(checked, tuple) else checked


def _names(node: str) -> set[str]:
    declared = parameters_of(f"dactyl.nodes.{node}")
    return {field.name for field in fields(declared)} if declared else set()
