"""The graph of the exercise: what the robot is told, and what is kept of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dactyl.bringup import exercise, processes
from dactyl.bringup.calibrated import backlash_of
from dactyl.bringup.exercise import exercise_graph
from dactyl.bringup.options import ExerciseOptions, SimOptions
from dactyl.bringup.run import sim_graph
from dactyl.errors import DactylError
from dactyl.robot import backlash, parameters
from dactyl.robot import robot as robots
from dactyl.robot.parameters import Key

SHADOW = robots.load("shadow")


@pytest.fixture
def calibration(tmp_path: Path) -> str:
    path = tmp_path / "model.yaml"
    parameters.write(path, SHADOW, {Key("FFJ3", "backlash_positive"): 5.0, Key("FFJ3", "damping"): 0.2})
    return str(path)


def test_actions_are_not_smoothed_and_mean_postures(tmp_path: Path) -> None:
    graph = exercise_graph(ExerciseOptions(), tmp_path / "bag")
    assert {node.name for node in graph.nodes} == {"exerciser", "action_filter", "hand_driver", "recorder"}
    assert graph.node("action_filter").parameters["smoothing"] == 1.0
    assert graph.node("hand_driver").parameters["action_origin"] == "middle"


def test_a_simulated_robot_gets_the_calibration_and_the_filter_its_backlash(calibration: str, tmp_path: Path) -> None:
    graph = exercise_graph(ExerciseOptions(simulated=True, calibration=calibration), tmp_path / "bag")
    assert graph.node("sim").parameters["calibration"] == calibration
    deltas = graph.node("action_filter").parameters["backlash_deltas"]
    assert isinstance(deltas, list)
    column = 2 * SHADOW.actuators.index("FFJ3") + 1
    assert deltas[column] == 5.0
    assert set(deltas) == {5.0, backlash.NOMINAL}


def test_a_simulated_exercise_never_moves_a_real_hand(tmp_path: Path) -> None:
    """Protects a lab that lays its own file over: that may say how its real hand is reached."""
    config = tmp_path / "lab.yaml"
    config.write_text("/dactyl:\n  hand_driver:\n    ros__parameters: {transport: rosbridge, commands: /f /w}\n")
    for simulated, transport in ((True, "ros2"), (False, "rosbridge")):
        graph = exercise_graph(ExerciseOptions(simulated=simulated, config=str(config)), tmp_path / "bag")
        driver = graph.parameters(graph.node("hand_driver"))
        assert driver["transport"] == transport
        assert ("commands" in driver) is not simulated


def test_a_real_robot_is_exercised_within_its_own_limits(tmp_path: Path) -> None:
    """Protects another robot from the Shadow's: twice its rate, and temperatures that it does not tell."""
    driver = {}
    for robot in ("shadow", "gr1"):
        graph = exercise_graph(ExerciseOptions(robot=robot), tmp_path / "bag")
        driver[robot] = graph.parameters(graph.node("hand_driver"))
    assert (driver["shadow"]["max_rate"], driver["gr1"]["max_rate"]) == (5.0, 1.0)
    assert "max_temperature" in driver["shadow"]
    assert "max_temperature" not in driver["gr1"]


def test_sim_takes_a_calibration_too(calibration: str) -> None:
    graph = sim_graph(SimOptions(calibration=calibration, headless=True))
    assert graph.node("sim").parameters["calibration"] == calibration
    assert "backlash_deltas" in graph.node("action_filter").parameters
    plain = sim_graph(SimOptions(headless=True))
    assert "backlash_deltas" not in plain.node("action_filter").parameters


def test_what_cannot_be_had_is_said_before_anything_starts(calibration: str, tmp_path: Path) -> None:
    with pytest.raises(DactylError, match="--calibration is for --simulated"):
        exercise_graph(ExerciseOptions(calibration=calibration), tmp_path / "bag")
    with pytest.raises(DactylError, match="it exists"):
        exercise_graph(ExerciseOptions(), tmp_path)
    with pytest.raises(DactylError, match="the robot trifinger takes torques: a model calibration is for those with"):
        exercise_graph(ExerciseOptions(robot="trifinger"), tmp_path / "bag")
    with pytest.raises(DactylError, match="cannot read"):
        backlash_of("shadow", str(tmp_path / "none.yaml"))


@pytest.mark.parametrize("code", [0, 1])
def test_only_the_bag_of_a_whole_exercise_is_kept(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bag = tmp_path / "bag"

    def run(*_: Any, **__: Any) -> int:
        bag.mkdir()
        return code

    monkeypatch.setattr(processes, "run", run)
    assert exercise.run(ExerciseOptions(bag=str(bag))) == code
    assert bag.exists() == (code == 0)
