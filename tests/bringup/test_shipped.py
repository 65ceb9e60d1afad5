"""Which parameter file counts for which robot, and a laboratory's over it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dactyl.bringup import configuration
from dactyl.bringup.shipped import in_simulation, on_hardware
from dactyl.errors import DactylError
from dactyl.robot import robot as robots
from tests.toys import installed_toys

ROOT = Path(__file__).resolve().parents[2]


def test_the_default_robots_file_is_the_one_that_a_laboratory_edits() -> None:
    assert on_hardware("shadow", "") == configuration.read(ROOT / "config" / "real.yaml")
    assert in_simulation("") == configuration.read(ROOT / "config" / "sim.yaml")


@pytest.mark.parametrize("robot", robots.names())
def test_each_robot_has_a_file_that_its_nodes_take_and_that_lets_nothing_move(robot: str) -> None:
    """Protects `./dactyl real --robot NAME`, and whoever stands near: a person enables the robot."""
    driver = on_hardware(robot, "")["hand_driver"]
    assert driver["enable_at_start"] is False
    assert driver["stop_after"] == 1.0


@pytest.mark.parametrize("robot", ["trifinger", "gr1", "gr1_inspire", "gr1_right"])
def test_another_robot_gets_no_value_that_is_the_default_ones(robot: str) -> None:
    """Protects it from the Shadow's markers, topics, rest and time: robot and task have their own."""
    found = on_hardware(robot, "")
    assert set(found.get("fingertip_tracker", {})) <= {"pose_period", "pose_delay"}
    assert "timing_monitor" not in found
    assert not {"timeout", "rest_position", "up"} & set(found["trial"])
    assert "max_temperature" not in found["hand_driver"], "a limit without readings refuses an enable"


def test_a_laboratorys_file_is_laid_over_the_robots(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("/dactyl:\n  trial:\n    ros__parameters: {settle_time: 3}\n")
    found, own = on_hardware("trifinger", str(mine)), on_hardware("trifinger", "")
    assert found["trial"] == {**own["trial"], "settle_time": 3.0}
    assert found["hand_driver"] == own["hand_driver"]


def test_a_robot_without_a_file_is_not_driven_by_anothers(tmp_path: Path) -> None:
    """Protects a robot of somebody's package from limits that are none for it, and from none at all."""
    mine = tmp_path / "mine.yaml"
    mine.write_text("/dactyl:\n  hand_driver:\n    ros__parameters: {max_rate: 3}\n")
    with installed_toys():
        with pytest.raises(DactylError, match=r"what the robot tray may do .* its folder has no real\.yaml") as error:
            on_hardware("tray", "")
        assert "\n" not in str(error.value)
        assert on_hardware("tray", str(mine)) == {"hand_driver": {"max_rate": 3.0}}
