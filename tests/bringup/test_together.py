"""Nodes that share a process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dactyl.bringup import together
from dactyl.bringup.graph import Graph, Node
from dactyl.bringup.options import RealOptions, SimOptions
from dactyl.bringup.processes import command
from dactyl.bringup.run import SMALL_NODES, real_graph, sim_graph
from dactyl.errors import DactylError
from dactyl.nodes.action_filter import ActionFilter


@pytest.fixture
def ros(start_ros: Callable[[list[str]], None]) -> None:
    start_ros([])


def test_a_command_line_is_read_as_it_is_made() -> None:
    """Protects each node's parameters and names in a process that it shares with others."""
    nodes = (Node("action_filter", {"smoothing": 0.5}), Node("trial", {}, (("goal", "/other"),)), Node("policy"))
    graph = Graph(nodes, {"trial": {"timeout": 7.0}}, together=("trial", "action_filter"))
    shared, alone = graph.processes
    assert (shared.members, alone.name) == (("action_filter", "trial"), "policy")
    line = command(shared, graph)
    module = line.index("dactyl.bringup.together")
    found = dict(together.parts(line[module + 1 :]))
    assert list(found) == ["action_filter", "trial"]
    for name, arguments in found.items():
        single = command(graph.node(name), graph)
        assert arguments == single[single.index("--ros-args") :]


@pytest.mark.parametrize(("make", "options"), [(sim_graph, SimOptions), (real_graph, RealOptions)])
def test_one_process_has_the_same_nodes(make: Any, options: Any) -> None:
    """Protects the option from leaving out, or starting twice, what the graph is made of."""
    usual, shared = make(options()), make(options(one_process=True))
    assert [node.name for node in shared.nodes] == [node.name for node in usual.nodes]
    first, *others = shared.processes
    assert set(first.members) == {node.name for node in usual.nodes} & set(SMALL_NODES)
    assert sorted([*first.members, *(node.name for node in others)]) == sorted(node.name for node in usual.nodes)


def test_it_is_required_where_trials_are_counted() -> None:
    """Protects counted trials from a referee that has forgotten some, and an endless run from the death of a node."""
    counted, endless = (sim_graph(SimOptions(one_process=True, trials=trials)).processes[0] for trials in (3, 0))
    assert (counted.required, endless.required, endless.respawn) == (True, False, True)


def test_each_node_has_its_own_arguments(ros: None) -> None:
    """Protects a node's parameters from those of its neighbour."""
    names = ("-r", "__node:=action_filter", "-r", "__ns:=/left")
    mine = together.make("action_filter", ["--ros-args", *names, "-p", "smoothing:=0.5"])
    other = together.make("action_filter", ["--ros-args", "-r", "__ns:=/right"])
    try:
        assert isinstance(mine, ActionFilter)
        assert isinstance(other, ActionFilter)
        assert mine.get_fully_qualified_name() == "/left/action_filter"
        assert other.get_fully_qualified_name() == "/right/action_filter"
        assert mine.settings.smoothing == 0.5 != other.settings.smoothing
    finally:
        mine.destroy_node()
        other.destroy_node()


def test_a_wrong_parameter_is_said_with_its_node(ros: None) -> None:
    """Protects whoever edits a parameter file: five nodes print on one line's beginning."""
    with pytest.raises(DactylError, match="action_filter: parameter smoothing = 7"):
        together.make("action_filter", ["--ros-args", "-p", "smoothing:=7.0"])


def test_the_executor_that_is_chosen_reaches_every_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the choice from the variable of somebody's shell, and the variable from a choice that is none."""
    monkeypatch.setenv("DACTYL_EXECUTOR", "waitset")
    assert sim_graph(SimOptions(executor="events")).environment["DACTYL_EXECUTOR"] == "events"
    assert sim_graph(SimOptions()).environment["DACTYL_EXECUTOR"] == "waitset"


def test_a_real_hand_is_driven_by_the_executor_that_keeps_to_the_steady_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Protects a hold from a clock that is set back: only a simulated hand gets the quicker executor unasked."""
    monkeypatch.delenv("DACTYL_EXECUTOR", raising=False)
    assert sim_graph(SimOptions()).environment["DACTYL_EXECUTOR"] == "events"
    for options in (RealOptions(), RealOptions(emulate=True)):
        assert real_graph(options).environment["DACTYL_EXECUTOR"] == "waitset"


def test_without_an_events_executor_simulation_has_the_usual_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Protects ROS installations whose rclpy is older."""
    monkeypatch.delenv("DACTYL_EXECUTOR", raising=False)
    older = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: older)
    assert sim_graph(SimOptions()).environment["DACTYL_EXECUTOR"] == "waitset"
