"""The node that draws for RViz, and the files RViz and rqt are started with."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from geometry_msgs.msg import PoseStamped
from visualization_msgs.msg import MarkerArray

from dactyl import nodes as node_modules
from dactyl import topics
from dactyl.bringup.options import SimOptions
from dactyl.bringup.run import sim_graph
from dactyl.ros import messages
from dactyl.storage.shared import shared

CONFIG = Path(__file__).parents[2] / "config"
CAMERAS = {f"/dactyl/camera_{i}/image_raw" for i in range(3)}


def test_the_running_graph_is_drawn_while_somebody_watches(run_graph: Any) -> None:
    """Protects the topic `markers`: everything that moves is in it, in the hand frame."""
    graph_ = sim_graph(SimOptions(headless=True, dashboard=False, rviz=True))
    with run_graph(graph_) as graph:
        arrays = graph.listen(MarkerArray, "/dactyl/markers", messages.RELIABLE)
        wanted = {"hand", "object", "goal", "fingertips", "mocap", "trial"}
        graph.until(lambda: arrays and wanted <= {marker.ns for marker in arrays[-1].markers})
        markers = {marker.ns: marker for marker in arrays[-1].markers}
        assert {marker.header.frame_id for marker in arrays[-1].markers} == {"hand"}
        assert len(markers["mocap"].points) >= 10
        at = markers["object"].pose.position
        closest = min(
            abs(point.x - at.x) + abs(point.y - at.y) + abs(point.z - at.z) for point in markers["mocap"].points
        )
        assert closest < 0.05, "motion capture and the object's pose agree"


def test_nobody_watching_costs_nothing(make_node: Any) -> None:
    """Protects the control loop: no subscriptions, no MuJoCo."""
    from dactyl.nodes.rviz_markers import RvizMarkers

    node = make_node(RvizMarkers)
    node.on_timer()
    assert node.shapes is None
    assert not node.taps
    assert node.diagnose().message == "nobody watches"


def test_stamps_are_those_of_the_readings(make_node: Any) -> None:
    """Protects RViz from wall time beside simulated time: with the links' stamps it draws both."""
    from dactyl.nodes.rviz_markers import RvizMarkers

    node = make_node(RvizMarkers)
    early, late = (PoseStamped() for _ in range(2))
    messages.set_stamp(early.header.stamp, 1_000)
    messages.set_stamp(late.header.stamp, 2_000)
    assert node._stamp({}) > 10**18, "nothing has come yet"
    assert node._stamp({"pose": early, "goal": late}) == 2_000
    assert node._stamp({"pose": early}) == 2_000


def test_rviz_shows_topics_that_exist_with_the_reliability_they_have() -> None:
    """Protects the RViz file: a wrong topic or QoS shows nothing at all."""
    file = yaml.safe_load((CONFIG / "rviz" / "dactyl.rviz").read_text())
    manager = file["Visualization Manager"]
    assert manager["Global Options"]["Fixed Frame"] == "hand"
    shown = {d["Topic"]["Value"]: d["Topic"]["Reliability Policy"] for d in manager["Displays"] if "Topic" in d}
    assert set(shown) == CAMERAS | {"/dactyl/markers", "/dactyl/object_pose/vision"}
    assert {topic for topic, policy in shown.items() if policy == "Reliable"} == {"/dactyl/markers"}
    (robot,) = (display for display in manager["Displays"] if display["Class"].endswith("/RobotModel"))
    assert robot["Description Topic"]["Value"] == topics.absolute(topics.ROBOT_DESCRIPTION)
    assert robot["Description Topic"]["Durability Policy"] == "Transient Local"
    assert all(display["Class"].startswith("rviz_default_plugins/") for display in manager["Displays"])


def test_the_rqt_perspective_starts_plugins_on_topics_that_exist() -> None:
    """Protects the rqt file: every plugin that runs has its settings, every topic is the graph's."""
    manager = json.loads((CONFIG / "rqt" / "dactyl.perspective").read_text())["groups"]["pluginmanager"]
    running = ast.literal_eval(manager["keys"]["running-plugins"]["repr"])
    names = {f"plugin__{plugin.replace('/', '__')}__{i}" for plugin, numbers in running.items() for i in numbers}
    assert names == set(manager["groups"])
    for name, group in manager["groups"].items():
        keys = {key: ast.literal_eval(value["repr"]) for key, value in group["groups"]["plugin"]["keys"].items()}
        for topic in [keys["topic"]] if "topic" in keys else keys.get("topics", []):
            assert topic in CAMERAS or topic.startswith("/dactyl/trial/status/"), f"{name}: {topic}"


def test_every_node_that_reports_is_aggregated() -> None:
    """Protects the overview: a node whose health nobody sees."""
    analyzers = yaml.safe_load((CONFIG / "diagnostics.yaml").read_text())["/analyzers"]["ros__parameters"]
    listed = {name for value in analyzers.values() if isinstance(value, dict) for name in value["contains"]}
    watching = {"dashboard", "rviz_markers", "robot_description", "replayer", "loop_benchmark"}
    nodes = {path.stem for path in (Path(node_modules.__file__).parent).glob("[!_]*.py")} - watching
    assert listed == {f"/dactyl/{node}" for node in nodes}


@pytest.mark.parametrize("file", ["rviz/dactyl.rviz", "rqt/dactyl.perspective", "diagnostics.yaml"])
def test_the_files_are_installed(file: str) -> None:
    """Protects `rviz2 -d $(ros2 pkg prefix dactyl --share)/config/…`."""
    assert shared("config", *file.split("/")).exists()
