"""Which readings an action used and how old they were, from bags written by another library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dactyl import cli, topics
from dactyl.errors import DactylError
from dactyl.recording import latency
from tests import bags

MS = 1_000_000
TARGETS = "/rh_trajectory_controller/command"
TOPICS = {
    latency.ACTION: "dactyl_msgs/msg/HandAction",
    latency.FILTERED: "dactyl_msgs/msg/HandAction",
    latency.FINGERTIPS: "dactyl_msgs/msg/FingertipPositions",
    latency.POSES[0]: "geometry_msgs/msg/PoseStamped",
    topics.JOINT_STATES: "sensor_msgs/msg/JointState",
    TARGETS: "trajectory_msgs/msg/JointTrajectory",
}
START = 1_700_000_000_000 * MS


def write(path: Path, actions: int = 5, offset: int = 0, reused: int = -1, namespace: str = topics.NAMESPACE) -> Path:
    """A bag of a run: fingertips sent 3 ms after they were taken, actions 5 ms later, filter 1 ms, targets 2 ms.

    Args:
        offset: of the stamps' clock, ns.
        reused: number of an action that is decided on the fingertips of the one before.
        namespace: of the graph.
    """
    store = bags.typestore()
    types = store.types

    def messages() -> Iterator[tuple[str, int, Any]]:
        for i in range(actions):
            tick = START + i * 80 * MS
            stamp = bags.header(store, tick + offset)
            used = bags.header(store, tick + offset - (80 * MS if i == reused else 0)).stamp
            point, quaternion = types["geometry_msgs/msg/Point"], types["geometry_msgs/msg/Quaternion"]
            joints = types["sensor_msgs/msg/JointState"](
                header=bags.header(store, tick + offset - 4 * MS), name=[],
                position=np.empty(0), velocity=np.empty(0), effort=np.empty(0),
            )  # fmt: skip
            yield topics.JOINT_STATES, tick - 3 * MS, joints
            tips = types["dactyl_msgs/msg/FingertipPositions"](
                header=stamp, positions=[point(x=0.0, y=0.0, z=0.0)] * 5,
                tracked=np.ones(5, bool), age=np.zeros(5, np.float32),
            )  # fmt: skip
            yield latency.FINGERTIPS, tick + 3 * MS, tips
            pose = types["geometry_msgs/msg/Pose"](
                position=point(x=0.0, y=0.0, z=0.0), orientation=quaternion(x=0.0, y=0.0, z=0.0, w=1.0)
            )
            yield latency.POSES[0], tick + 3 * MS, types["geometry_msgs/msg/PoseStamped"](header=stamp, pose=pose)
            action = types["dactyl_msgs/msg/HandAction"](
                header=stamp, robot="shadow", sequence=i,
                action=np.zeros(20, np.float32), start=np.zeros(0, np.float32), bins=np.full(20, 5, np.uint8),
                fingertips_stamp=used, object_pose_stamp=stamp.stamp, goal_stamp=stamp.stamp,
            )  # fmt: skip
            yield latency.ACTION, tick + 8 * MS, action
            yield latency.FILTERED, tick + 9 * MS, action
            trajectory = types["trajectory_msgs/msg/JointTrajectory"]
            empty = trajectory(header=bags.header(store, 0), joint_names=[], points=[])
            yield TARGETS, tick + 1 * MS, empty  # the stream goes on
            yield TARGETS, tick + 11 * MS, empty

    def named(topic: str) -> str:
        return topic.replace(f"{topics.NAMESPACE}/", f"{namespace}/")

    found = [(named(topic), time_ns, message) for topic, time_ns, message in messages()]
    kinds = {named(topic): kind for topic, kind in TOPICS.items()}
    return bags.write(path, kinds, sorted(found, key=lambda item: item[1]), store)


def test_each_action_shows_its_readings_and_their_ages(tmp_path: Path) -> None:
    """Protects the figures that a timing bug would be found by."""
    report = latency.examine(write(tmp_path / "bag"))
    assert [row.sequence for row in report.rows] == list(range(5))
    expected = {"fingertips": 8.0, "object_pose": 8.0, "filter": 1.0, "targets": 2.0, "total": 11.0, "angles": 4.0}
    for i, row in enumerate(report.rows):
        assert row.stamp_ns == row.fingertips_stamp_ns == START + i * 80 * MS
        assert row.ms == pytest.approx(expected)
    assert (report.reused, report.unanswered, report.simulated_clock) == (0, 0, False)


def test_an_old_reading_is_seen(tmp_path: Path) -> None:
    """Protects against a policy that acts on what it already acted on."""
    report = latency.examine(write(tmp_path / "bag", reused=2))
    assert report.reused == 1
    assert report.rows[2].ms["fingertips"] == report.rows[2].ms["total"] - 3.0 == pytest.approx(88.0)


def test_a_simulated_clock_is_not_compared_with_the_machines(tmp_path: Path) -> None:
    """Protects bags of simulated runs from ages of fifty years."""
    report = latency.examine(write(tmp_path / "bag", offset=-START + 80 * MS))
    assert report.simulated_clock
    assert report.rows[3].ms["fingertips"] == pytest.approx(5.0)
    assert report.rows[3].ms["angles"] == pytest.approx(4.0)
    assert "simulated" in report.as_text()


def test_the_command_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects `./dactyl latency BAG --json FILE`."""
    bag = write(tmp_path / "bag")
    assert cli.main(["latency", str(bag), "--each", "--json", str(tmp_path / "out.json")]) == 0
    shown = capsys.readouterr().out
    assert "5 actions" in shown
    assert shown.count("1700000000.") == 5
    results = json.loads((tmp_path / "out.json").read_text())["results"]
    assert results["actions"] == 5
    assert results["latency_ms"]["total"] == {"p50": 11.0, "p99": 11.0, "max": 11.0}
    assert len(results["each"]) == 5


def test_a_bag_without_actions_is_one_line(tmp_path: Path) -> None:
    """Protects users from a traceback."""
    with pytest.raises(DactylError, match="holds no actions"):
        latency.examine(write(tmp_path / "bag", actions=0))


def test_a_graph_in_another_namespace_is_found_by_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects labs with two hands: the same figures by the name of the graph, and its name where another was meant."""
    bag = write(tmp_path / "bag", reused=2, namespace="/left")
    usual = latency.examine(write(tmp_path / "usual", reused=2))
    assert latency.examine(bag, "/left").as_results() == usual.as_results()
    assert cli.main(["latency", str(bag), "--namespace", "left/"]) == 0
    assert "5 actions" in capsys.readouterr().out
    with pytest.raises(DactylError, match=r"nothing on /dactyl/action; it has graphs in other namespaces: /left$"):
        latency.examine(bag)
    below = write(tmp_path / "below", reused=2, namespace="/dactyl/left")
    assert latency.examine(below, "/dactyl/left").as_results() == usual.as_results()


def test_a_namespace_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["latency", str(write(tmp_path / "bag")), "--namespace", "my hand"]) == 1
    assert "namespace = '/my hand' is no name for ROS" in capsys.readouterr().err
