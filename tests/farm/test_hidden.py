"""Robots that differ, each always the same."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from dactyl.bringup import configuration
from dactyl.farm import hidden
from dactyl.farm.hidden import Ranges
from dactyl.robot import parameters
from dactyl.robot import robot as robots
from dactyl.robot.parameters import Key, ModelParameters

ROBOT = robots.load("shadow")
ROOT = Path(__file__).resolve().parents[2]


def nominal() -> ModelParameters:
    """A model in which everything is 1, but for one damping that is 0."""
    joints, actuators = len(ROBOT.joints), len(ROBOT.actuators)
    made = ModelParameters(np.ones((joints, 7)), np.ones((actuators, 4)))
    made.joint("damping")[0] = 0.0
    return made


def test_a_number_always_means_the_same_robot_and_another_one_a_different() -> None:
    """Protects results that are compared: robot 2 is robot 2, today and after a restart."""
    first, again = (hidden.draw(ROBOT, nominal(), 3, 2) for _ in range(2))
    assert first.changes == again.changes
    np.testing.assert_array_equal(first.base, again.base)
    for other in (hidden.draw(ROBOT, nominal(), 3, 1), hidden.draw(ROBOT, nominal(), 4, 2)):
        assert first.changes != other.changes
        assert (first.friction, first.marker_noise, first.marker_delay) != (
            other.friction, other.marker_noise, other.marker_delay,
        )  # fmt: skip


def test_what_is_drawn_lies_in_its_range_and_fills_it() -> None:
    """Protects the stated ranges."""
    drawn, ranges = [hidden.draw(ROBOT, nominal(), 0, number) for number in range(200)], Ranges()
    kinds = {
        "damping": ranges.damping, "gain": ranges.gain, "force_limit": ranges.force_limit,
        "backlash_negative": ranges.backlash, "backlash_positive": ranges.backlash,
    }  # fmt: skip
    for name, (low, high) in kinds.items():
        values = [value for robot in drawn for key, value in robot.changes.items() if key.parameter == name]
        assert low <= min(values) < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < max(values) <= high
    for name in ("friction", "marker_noise", "marker_delay"):
        low, high = getattr(ranges, name)
        values = [getattr(robot, name) for robot in drawn]
        assert low <= min(values) < max(values) <= high


def test_what_the_model_has_not_is_not_made_up() -> None:
    """Protects a model's zeros: factors leave them."""
    changes = hidden.draw(ROBOT, nominal(), 0, 0).changes
    assert Key(ROBOT.joints[0], "damping") not in changes
    assert not any(key.parameter in ("lower", "upper", "margin", "stiffness") for key in changes)


def test_motors_that_take_torques_are_damped_a_little_more() -> None:
    """Their model's joints have no damping that a factor could change. Other robots get none of it."""
    finger, low, high = robots.load("trifinger"), *Ranges().motor_damping
    joints = len(finger.joints)
    bare = ModelParameters(np.zeros((joints, 7)), np.ones((joints, 4)))
    found = [hidden.draw(finger, bare, 0, number).changes for number in range(40)]
    added = np.array([[changes[Key(joint, "damping")] for joint in finger.joints] for changes in found])
    assert low <= added.min() < 0.1 * high
    assert 0.9 * high < added.max() <= high
    assert all(0.8 <= changes[Key(joint, "gain")] <= 1.25 for changes in found for joint in finger.joints)


def test_one_torque_scale_for_a_robot() -> None:
    changes = hidden.draw(ROBOT, nominal(), 0, 0).changes
    assert len({value for key, value in changes.items() if key.parameter == "force_limit"}) == 1


def test_the_tracker_mistakes_the_frame_as_a_rigid_body() -> None:
    """Protects the tracker, which refuses markers that do not fit each other."""
    base, own = hidden.draw(ROBOT, nominal(), 0, 0).base, ROBOT.markers.base
    assert 1e-5 < np.abs(base - own).max() < 0.02
    distances, usual = (np.linalg.norm(x[:, None] - x[None], axis=-1) for x in (base, own))
    np.testing.assert_allclose(distances, usual, atol=1e-9)


def test_the_files_are_what_the_graph_takes_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    """Protects the way by which hidden parameters reach the simulator: existing files, checked as any other."""
    folder = tmp_path / "robots" / "0"
    drawn = hidden.draw(ROBOT, nominal(), 0, 0)
    hidden.write(folder, ROBOT, drawn)
    assert parameters.read(folder / hidden.CALIBRATION, ROBOT).keys() == drawn.changes.keys()
    read = configuration.read(folder / hidden.GRAPH)
    assert read["sim"]["friction"] == pytest.approx(drawn.friction, abs=1e-4)
    assert read["sim"]["marker_delay"] == pytest.approx(drawn.marker_delay, abs=1e-4)
    assert read["sim"]["marker_noise"] == pytest.approx(drawn.marker_noise, rel=0.02)
    np.testing.assert_allclose(read["fingertip_tracker"]["base_positions"], drawn.base.ravel(), atol=1e-6)
    assert folder.stat().st_mode & 0o077 == 0


def test_the_page_states_each_range() -> None:
    """Protects docs/farm.md from falling behind."""
    page = (ROOT / "docs" / "farm.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    for field in dataclasses.fields(Ranges):
        value = field.default
        text = f"{value[0]:g} to {value[1]:g}" if isinstance(value, tuple) else f"{value:g}"
        assert any(row.startswith(f"| `{field.name}` | {text} ") for row in rows), f"{field.name}: {text}"
