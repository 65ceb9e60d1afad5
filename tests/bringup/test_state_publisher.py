"""Who publishes the robot's links where `launch` runs the graph; `launch_ros`, which is no wheel, is a stand-in."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from ament_index_python import packages

from dactyl.bringup import ros_launch
from dactyl.bringup.options import SimOptions
from dactyl.bringup.run import sim_graph


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of the ROS packages that there are."""
    there: set[str] = set()

    def prefix(name: str) -> str:
        if name not in there:
            raise packages.PackageNotFoundError(name)
        return f"/opt/{name}"

    monkeypatch.setattr(packages, "get_package_prefix", prefix)
    actions = SimpleNamespace(Node=lambda **described: described)
    values = SimpleNamespace(ParameterValue=lambda value, value_type: value)
    monkeypatch.setitem(sys.modules, "launch_ros", SimpleNamespace(actions=actions, parameter_descriptions=values))
    monkeypatch.setitem(sys.modules, "launch_ros.actions", actions)
    monkeypatch.setitem(sys.modules, "launch_ros.parameter_descriptions", values)
    return there


def test_ros_s_own_publisher_takes_the_place_of_ours(installed: set[str]) -> None:
    """Protects /tf from two publishers, and the simulated hand's joint states from being looked for elsewhere."""
    installed.add("robot_state_publisher")
    graph = sim_graph(SimOptions(rviz=True))
    changed, actions = ros_launch._with_state_publisher(graph)
    assert changed.node("robot_description").parameters["joint_transforms"] is False
    (action,) = actions
    assert action["package"] == action["executable"] == "robot_state_publisher"
    robot = ElementTree.fromstring(action["parameters"][0]["robot_description"].partition("?>")[2])
    assert robot.attrib["name"] == "shadow"
    expected = dict(graph.node("robot_description").remappings)["/joint_states"]
    assert dict(action["remappings"])["joint_states"] == expected


def test_ros_s_own_publisher_ends_with_launch(installed: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the next run from the links of this one, where `launch` was killed."""
    installed.add("robot_state_publisher")
    monkeypatch.setattr(ros_launch.processes.shutil, "which", lambda name: f"/usr/bin/{name}")
    _, (action,) = ros_launch._with_state_publisher(sim_graph(SimOptions(rviz=True)))
    assert action["prefix"] == "setpriv --pdeathsig SIGTERM"


@pytest.mark.parametrize(("rviz", "there"), [(True, False), (False, True)])
def test_else_the_graph_stays_as_it_is(installed: set[str], rviz: bool, there: bool) -> None:
    if there:
        installed.add("robot_state_publisher")
    graph = sim_graph(SimOptions(rviz=rviz))
    assert ros_launch._with_state_publisher(graph) == (graph, [])
