"""The parameter files and the nodes' defaults agree with each other and with the scene."""

from __future__ import annotations

import importlib
import typing
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from dactyl.bringup.options import RealOptions, SimOptions
from dactyl.bringup.run import real_graph, sim_graph
from dactyl.nodes import fingertip_tracker, sim, trial
from dactyl.objects.shapes import BLOCK
from dactyl.robots.shadow.layout import BASE_MARKERS
from dactyl.ros.parameters import check_parameter
from dactyl.simulation.scene import build
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


@pytest.mark.parametrize("node", sorted(path.stem for path in Path(sim.__file__).parent.glob("[!_]*.py")))
def test_defaults_are_valid(node: str) -> None:
    """Protects `ros2 run dactyl NODE` without a parameter file."""
    parameters = importlib.import_module(f"dactyl.nodes.{node}").Parameters
    _check(parameters, {field.name: field.default for field in fields(parameters)})


def test_the_referees_vertical_is_the_scenes() -> None:
    """Protects the detection of drops: it has to know which way is down."""
    scene = build()
    assert scene.robot.tilt == sim.Parameters().fingers_raised
    np.testing.assert_allclose(trial.Parameters().up, scene.up, atol=1e-5)


def test_the_tracker_knows_the_simulated_markers() -> None:
    """Protects the marker table, which is in the tracker's parameters and in the simulated hardware."""
    tracker = fingertip_tracker.Parameters()
    assert (*tracker.fingertip_ids, *tracker.base_ids, *tracker.object_ids) == sim.MARKER_IDS
    np.testing.assert_allclose(np.reshape(tracker.object_positions, (6, 3)), BLOCK.markers)


def test_the_real_graph_keeps_the_tested_marker_table() -> None:
    """Protects a lab's starting point: the file repeats the defaults, to be edited in place."""
    tracker = yaml.safe_load((ROOT / "config" / "real.yaml").read_text())["/dactyl"]["fingertip_tracker"]
    defaults = {**vars(fingertip_tracker.Parameters()), "base_positions": tuple(BASE_MARKERS.ravel())}
    for name, value in tracker["ros__parameters"].items():
        assert tuple(value) == pytest.approx(defaults[name])
