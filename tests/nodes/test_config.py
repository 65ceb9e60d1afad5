"""The parameter files and the nodes' defaults agree with each other and with the scene."""

from __future__ import annotations

import importlib
import typing
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from dactyl import nodes
from dactyl.bringup.options import RealOptions, SimOptions
from dactyl.bringup.run import real_graph, sim_graph
from dactyl.bringup.shipped import on_hardware
from dactyl.environment import task as tasks
from dactyl.nodes.fingertip_tracker import FingertipTracker
from dactyl.nodes.sim import Sim
from dactyl.nodes.timing_monitor import TimingMonitor
from dactyl.nodes.trial import TrialNode
from dactyl.objects.shapes import BLOCK
from dactyl.robot import robot as robots
from dactyl.robot.markers import usual_ids
from dactyl.robots.shadow import ROBOT
from dactyl.ros.parameters import check_parameter
from dactyl.simulation.scene import build
from dactyl.tasks.reorient import TASK
from dactyl.topics import NAMESPACE

ROOT = Path(__file__).resolve().parents[2]
GRAPHS = {
    "sim.yaml": sim_graph(SimOptions()),
    "real.yaml": real_graph(RealOptions()),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_every_parameter_is_one_of_its_node(name: str) -> None:
    """Protects the parameter files from names and values that the nodes refuse, and from nodes that are not started."""
    content = yaml.safe_load((ROOT / "config" / name).read_text())
    assert set(content) == {NAMESPACE}
    nodes = {node.name: node for node in GRAPHS[name].nodes}
    assert set(content[NAMESPACE]) <= set(nodes)
    for node in nodes.values():
        in_file = content[NAMESPACE].get(node.name, {}).get("ros__parameters", {})
        _check(importlib.import_module(f"dactyl.nodes.{node.name}").Parameters, {**in_file, **node.parameters})


def _check(parameters: type[Any], values: dict[str, Any]) -> None:
    hints = typing.get_type_hints(parameters)
    known = {field.name: field for field in fields(parameters)}
    for name, value in values.items():
        if name != "use_sim_time":
            check_parameter(name, value, hints[name], known[name].metadata)


@pytest.mark.parametrize("node", sorted(path.stem for path in Path(str(nodes.__file__)).parent.glob("[!_]*.py")))
def test_defaults_are_valid(node: str) -> None:
    """Protects `ros2 run dactyl NODE` without a parameter file."""
    parameters = importlib.import_module(f"dactyl.nodes.{node}").Parameters
    _check(parameters, {field.name: field.default for field in fields(parameters) if field.default is not None})


def test_the_robots_vertical_is_its_models() -> None:
    """Protects the detection of drops: the referee, who has no model, has to know which way is down."""
    scene = build()
    np.testing.assert_allclose(ROBOT.up, scene.up, atol=1e-5)


def test_referee_and_tracker_have_the_robots_own_values(make_node: Callable[..., Any]) -> None:
    """Protects `ros2 param get`: what robot and task say is what the node shows."""
    referee = make_node(TrialNode)
    shown = {name: referee.get_parameter(name).value for name in ("up", "rest_position", "tolerance", "timeout")}
    assert list(shown["up"]) == ROBOT.up.tolist()
    assert list(shown["rest_position"]) == ROBOT.workspace.rest.tolist()
    assert (shown["tolerance"], shown["timeout"], referee.rules) == (0.4, 80.0, TASK.rules)


def test_another_robots_referee_on_hardware_has_its_time_and_its_place(make_node: Callable[..., Any]) -> None:
    """Protects `./dactyl real --robot trifinger` from 80 s for a goal and from the Shadow's vertical."""
    robot = robots.load("trifinger")
    referee = make_node(TrialNode, robot="trifinger", task="repose", **on_hardware("trifinger", "")["trial"])
    assert referee.rules == tasks.load("repose").rules
    assert referee.up.tolist() == robot.up.tolist()
    assert referee.robot.workspace.rest.tolist() == robot.workspace.rest.tolist()


def test_another_robots_tracker_on_hardware_has_its_markers(make_node: Callable[..., Any]) -> None:
    """Protects the start of the graph: a table of the Shadow's five fingertips is refused for three."""
    told = on_hardware("trifinger", "").get("fingertip_tracker", {})
    tracker = make_node(FingertipTracker, robot="trifinger", object="cube", **told)
    assert len(tracker.get_parameter("fingertip_ids").value) == len(robots.load("trifinger").fingertips)


@pytest.mark.parametrize(
    ("robot", "hardware", "expected"),
    [("trifinger", False, (0.1, 0.09)), ("trifinger", True, (0.0, 0.0)), ("shadow", False, (0.0, 0.0))],
)
def test_the_simulated_tracker_is_as_slow_as_the_robots_own(
    make_node: Callable[..., Any], robot: str, hardware: bool, expected: tuple[float, float]
) -> None:
    """Protects policies from a simulation that is kinder than the platform, and a platform from being late twice."""
    told = on_hardware(robot, "")["fingertip_tracker"] if hardware else {}
    tracker = make_node(FingertipTracker, robot=robot, object="cube", **told)
    assert tuple(tracker.get_parameter(name).value for name in ("pose_period", "pose_delay")) == expected


def test_another_robots_monitor_on_hardware_watches_its_targets(make_node: Callable[..., Any]) -> None:
    """Protects the start of the graph: the Shadow's topics are refused for another robot."""
    told = on_hardware("trifinger", "").get("timing_monitor", {})
    monitor = make_node(TimingMonitor, robot="trifinger", **told)
    assert set(monitor.stages) >= set(robots.load("trifinger").targets)


def test_the_real_graph_keeps_the_tested_marker_table(make_node: Callable[..., Any]) -> None:
    """Protects a lab's starting point: the file repeats the robot's values, to be edited in place."""
    node = make_node(FingertipTracker)
    tracker = yaml.safe_load((ROOT / "config" / "real.yaml").read_text())["/dactyl"]["fingertip_tracker"]
    for name, value in tracker["ros__parameters"].items():
        assert list(node.get_parameter(name).value) == pytest.approx(value)


def test_the_tracker_knows_the_simulated_markers(make_node: Callable[..., Any]) -> None:
    """Protects the marker table, which tracker and simulator each make of the robot and the object."""
    sim = make_node(Sim, lockstep="true")
    settings = [sim.get_parameter("fingers_raised").value, sim.get_parameter("smoothing").value]
    assert settings == [ROBOT.tilt, ROBOT.action.smoothing]
    ids = usual_ids(len(ROBOT.fingertips), len(ROBOT.markers.base), len(BLOCK.markers))
    assert [marker.id for marker in sim.markers.markers] == [number for part in ids for number in part]
