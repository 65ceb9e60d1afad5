"""The launch files with the real `launch` and `launch_ros`, which a ROS installation has and PyPI has not."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("launch_ros", reason="launch_ros is not installed: only a ROS installation has it")

from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch_ros.actions import Node

from dactyl.bringup.graph import Graph
from dactyl.bringup.options import RealOptions, SimOptions
from dactyl.bringup.run import real_graph, sim_graph
from launch import LaunchContext  # type: ignore[attr-defined]

ROOT = Path(__file__).resolve().parents[2]


def describe(name: str) -> Any:
    """What a launch file generates."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "launch" / f"{name}.launch.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.generate_launch_description()


def render(name: str, **arguments: str) -> list[Any]:
    """The actions a launch file comes to, with these arguments."""
    context = LaunchContext()
    context.launch_configurations.update(arguments)
    actions = []
    for entity in describe(name).entities:
        result = entity.visit(context)
        if isinstance(entity, OpaqueFunction):
            actions += result
    return actions


@pytest.mark.parametrize(
    ("name", "graph"), [("sim", sim_graph(SimOptions())), ("real", real_graph(RealOptions()))], ids=["sim", "real"]
)
def test_launch_starts_what_the_runner_starts(name: str, graph: Graph) -> None:
    """Protects the two ways of running the graph from growing apart."""
    actions = render(name)
    nodes = [action for action in actions if isinstance(action, Node)]
    assert [node.node_executable for node in nodes] == [node.name for node in graph.nodes]
    assert {node.node_package for node in nodes} == {"dactyl"}
    variables = [action for action in actions if isinstance(action, SetEnvironmentVariable)]
    assert len(variables) == len(graph.environment)


@pytest.mark.parametrize(("name", "options"), [("sim", SimOptions), ("real", RealOptions)])
def test_every_option_is_a_launch_argument(name: str, options: type[Any]) -> None:
    """Protects `ros2 launch --show-args`."""
    arguments = [entity for entity in describe(name).entities if isinstance(entity, DeclareLaunchArgument)]
    assert [argument.name for argument in arguments] == list(options.__dataclass_fields__)
    assert all(argument.description for argument in arguments)


def test_arguments_reach_the_graph() -> None:
    """Protects `ros2 launch dactyl sim.launch.py trials:=3`: it fails where the graph refuses an option."""
    with pytest.raises(Exception, match="json needs trials"):
        render("sim", json="out.json")
    assert render("sim", trials="3", lockstep="true")
