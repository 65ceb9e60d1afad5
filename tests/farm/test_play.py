"""The graph that plays a job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dactyl.bringup.graph import Graph
from dactyl.farm import files, hidden, play, score
from dactyl.farm.job import Job
from dactyl.robot import robot as robots
from dactyl.robot.parameters import ModelParameters
from dactyl.storage.models import policy_for
from tests.farm.made_up import JOB

ROBOT = robots.load("shadow")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A hidden robot, and a place for results."""
    nominal = ModelParameters(np.ones((len(ROBOT.joints), 7)), np.ones((len(ROBOT.actuators), 4)))
    hidden.write(tmp_path / "robot", ROBOT, hidden.draw(ROBOT, nominal, 0, 0))
    (tmp_path / "out").mkdir()
    return tmp_path / "robot", tmp_path / "out"


def graph(folders: tuple[Path, Path], job: Job = JOB) -> Graph:
    return play.simulated(job, policy_for(job.object), *folders)


def test_the_hidden_robot_is_in_the_simulator_the_tracker_and_the_filter(folders: tuple[Path, Path]) -> None:
    """Protects the point of the farm: what was drawn acts."""
    made = graph(folders)
    sim, tracker = (made.parameters(made.node(name)) for name in ("sim", "fingertip_tracker"))
    assert sim["calibration"] == str(folders[0] / hidden.CALIBRATION)
    assert {"friction", "marker_noise", "marker_delay"} <= set(sim)
    assert len(tracker["base_positions"]) == ROBOT.markers.base.size  # type: ignore[arg-type]
    assert len(set(made.parameters(made.node("action_filter"))["backlash_deltas"])) > 2  # type: ignore[arg-type]


def test_the_referee_judges_by_the_truth_and_nobody_else_is_given_it(folders: tuple[Path, Path]) -> None:
    """Protects scores from tracking errors, and the truth from policies."""
    made = graph(folders)
    assert made.parameters(made.node("trial"))["object_pose"] == "truth"
    assert made.parameters(made.node("policy"))["object_pose"] == "mocap"
    assert made.parameters(made.node("sim"))["witnesses"] == 2


def test_everything_that_a_score_needs_is_recorded_and_no_parameter_is(folders: tuple[Path, Path]) -> None:
    """Protects what is hidden: ROS's own topic of parameters would tell it."""
    made = graph(folders)
    recorder = made.node("recorder")
    recorded = set(str(made.parameters(recorder)["topics"]).split())
    assert {score.TRUTH, score.STATUS, score.GOAL, "/dactyl/action", "/dactyl/hand/joint_states"} <= recorded
    assert not any("parameter" in topic or "rosout" in topic for topic in recorded)
    assert recorder.required


def test_results_go_where_they_are_looked_for(folders: tuple[Path, Path]) -> None:
    made = graph(folders)
    assert made.parameters(made.node("trial"))["report"] == str(folders[1] / files.TRIALS)
    assert made.parameters(made.node("recorder"))["bag"] == str(folders[1] / files.BAG)


def test_the_referees_rules_are_those_of_the_score(folders: tuple[Path, Path]) -> None:
    """Protects a good run from being refused because the two do not agree."""
    job = replace(JOB, seconds=15.0, goal=(0.0, -0.04, 0.35, 1.0, 0.0, 0.0, 0.0), rules="{tolerance: 0.2}")
    made = graph(folders, job)
    for name in ("trial", "sim"):
        assert made.parameters(made.node(name))["rules"] == "{tolerance: 0.2}"
    referee, rules = made.parameters(made.node("trial")), score.rules(job)
    assert (referee["timeout"], referee["max_successes"]) == (rules.timeout, rules.max_successes)
    assert referee["goal"] == [0.0, -0.04, 0.35, 1.0, 0.0, 0.0, 0.0]
    assert "goal" not in graph(folders).parameters(graph(folders).node("trial"))


def test_around_a_real_robot_there_is_no_truth_and_its_own_topics_are_recorded(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    """Protects the way for a real robot: the graph of `./dactyl real`, whose referee judges by the tracked pose."""
    laboratory = tmp_path / "lab.yaml"
    laboratory.write_text("/dactyl: {hand_driver: {ros__parameters: {max_rate: 2.0}}}\n")
    made = play.real(replace(JOB, seconds=15.0), policy_for("block"), laboratory, folders[1])
    referee = made.parameters(made.node("trial"))
    assert (referee["object_pose"], referee["timeout"]) == ("mocap", 15.0)
    assert made.parameters(made.node("hand_driver"))["max_rate"] == 2.0
    assert "sim" not in {node.name for node in made.nodes}
    recorded = str(made.parameters(made.node("recorder"))["topics"]).split()
    assert "/joint_states" in recorded
    assert score.STATUS in recorded
