"""Raw readings of Hall sensors to angles, and Shadow's calibration file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from dactyl.errors import DactylError
from dactyl.robots.shadow.calibration.hall import SENSORS, Curve, joint_readings, load, save
from dactyl.robots.shadow.joints import JOINTS

CURVE = Curve(np.array([1000.0, 1500.0, 3000.0]), np.array([0.0, 1.0, 1.5]))


def test_a_curve_goes_through_its_points_and_on_beyond_them() -> None:
    """Protects the angles: a joint may go a little further than the jig that made the end points."""
    np.testing.assert_allclose(CURVE(CURVE.raw), CURVE.angles)
    np.testing.assert_allclose(CURVE(np.array([1250.0, 900.0, 3300.0])), [0.5, -0.2, 1.6])


def test_curves_may_fall() -> None:
    """Protects sensors whose magnet is the other way round."""
    falling = Curve(np.array([0.0, 10.0, 20.0]), np.array([1.0, 0.5, -0.5]))
    np.testing.assert_allclose(falling(np.array([5.0, 15.0])), [0.75, 0.0])


def test_joints_with_two_sensors_take_their_mean() -> None:
    """Protects the map from 26 sensors to 24 joints (appendix B.5)."""
    assert len(SENSORS) == 26
    readings = joint_readings({name: float(i) for i, name in enumerate(SENSORS)})
    assert readings[JOINTS.index("FFJ1")] == 0.0
    assert readings[JOINTS.index("THJ5")] == SENSORS.index("THJ5A") + 0.5
    assert readings[JOINTS.index("WRJ2")] == 25.0
    with pytest.raises(DactylError, match="no raw reading of WRJ2"):
        joint_readings(dict.fromkeys(SENSORS[:-1], 0.0))


def test_files_are_shadows_own(tmp_path: Path) -> None:
    """Protects the way back into Shadow's driver: what is written is a sr_calibrations list in degrees."""
    path = tmp_path / "calibration.yaml"
    save(path, dict.fromkeys(JOINTS, CURVE), "a comment")
    content = yaml.safe_load(path.read_text())
    assert content["sr_calibrations"][0][0] == JOINTS[0]
    np.testing.assert_allclose(content["sr_calibrations"][0][1], [[1000, 0], [1500, 57.2958], [3000, 85.9437]])
    again = load(path)
    assert tuple(again) == JOINTS
    np.testing.assert_allclose(again["THJ5"].angles, CURVE.angles, atol=1e-6)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ("[[0, 0], [1, 1]]", "FFJ1 must have 3 to 5 finite points"),
        ("[[0, 0], [1, 1], [1, 2]]", "FFJ1 has two points with the same raw reading"),
        ("[[0, 0], [1, 1], [2, .nan]]", "finite"),
        ("5", "3 to 5"),
    ],
)
def test_wrong_points_are_named(tmp_path: Path, points: str, message: str) -> None:
    """Protects against a typing error that would bend a finger."""
    path = tmp_path / "calibration.yaml"
    good = "[[0, 0], [1, 1], [2, 2]]"
    entries = ", ".join(f"[{joint}, {points if joint == 'FFJ1' else good}]" for joint in JOINTS)
    path.write_text(f"sr_calibrations: [{entries}]")
    with pytest.raises(DactylError, match=message):
        load(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot read"),
        ("a: [", "not YAML"),
        ("sr_calibrations: 3", "is no calibration"),
        ("sr_calibrations: [[FFJ1, [[0, 0], [1, 1], [2, 2]]]]", "lacks WRJ2"),
    ],
)
def test_what_is_no_calibration_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    """Protects a lab from naming another file."""
    path = tmp_path / "calibration.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DactylError, match=message):
        load(path)
