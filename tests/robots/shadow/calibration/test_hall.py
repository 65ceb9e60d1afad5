"""Raw readings of Hall sensors to angles, and Shadow's calibration file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from dactyl.errors import DactylError
from dactyl.robots.shadow.calibration.hall import SENSORS, joint_readings, load, readings_for, save
from dactyl.robots.shadow.calibration.truth_points import Curve, Surface
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
        ("[[0, 0]]", "FFJ1 must have at least 2 finite points"),
        ("[[0, 0], [1, 1], [1, 2]]", "FFJ1 has two points with the same raw reading"),
        ("[[0, 0], [1, 1], [2, .nan]]", "finite"),
        ("5", "at least 2"),
        ("[[0, 0], [1, 1, 1]]", "at least 2"),
        ("[[0, 0], [{}, 1]]", "at least 2"),
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
        ("- 1", "is no calibration"),
        ("when: 2000-99-99", "not YAML: month must be"),
        ("\xff", "is no calibration"),
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


def shipped(prefix: str = "", coupled: bool = True) -> dict[str, Any]:
    """As the files are that come with Shadow's hands, with other numbers."""
    counts = {joint: 6 if joint.endswith("J3") else 9 if joint == "THJ5" else 5 for joint in JOINTS}
    pair = ("THJ1", "THJ2") if coupled else ()
    content: dict[str, Any] = {
        "sr_calibrations": [
            [prefix + joint, [[3000.25 - 300.0 * i, -15.12345 + 22.5 * i] for i in range(counts[joint])]]
            for joint in JOINTS
            if joint not in pair
        ]
    }
    if coupled:
        rows = [
            [[3000.0 - 400.0 * i + 9.0 * j, 1500.0 + 180.0 * j], -15.0 + 22.5 * i, -40.0 + 20.0 * j]
            for i in range(6)
            for j in range(5)
        ]
        content["sr_calibrations_coupled"] = [[[prefix + joint for joint in pair], rows]]
    return content


def by_joint(content: Any) -> dict[str, list[Any]]:
    """Each joint's points, sorted as text, for the order says nothing."""
    tables = [*content["sr_calibrations"], *content.get("sr_calibrations_coupled", [])]
    return {str(names): sorted(points, key=str) for names, points in tables}


@pytest.mark.parametrize("prefix", ["", "rh_", "lh_"])
@pytest.mark.parametrize("coupled", [True, False])
def test_the_files_that_come_with_hands_are_kept_whole(tmp_path: Path, prefix: str, coupled: bool) -> None:
    """Protects the hand's own file: any number of points, coupled tables, prefixes, and what nobody here knows."""
    path, again = tmp_path / "shipped.yaml", tmp_path / "again.yaml"
    content = shipped(prefix, coupled)
    content["sr_calibrations"].append(["FFJ0", [[1.0, 2.0], [2.0, 4.0]]])
    content["sr_pressure_calibrations"] = {"fftip": [1, 2]}
    path.write_text(yaml.safe_dump(content))
    loaded = load(path)
    assert tuple(loaded) == JOINTS
    save(again, loaded, "again")
    written = yaml.safe_load(again.read_text())
    assert by_joint(written) == by_joint(content)
    assert written["sr_pressure_calibrations"] == {"fftip": [1, 2]}
    assert "3000.25" in again.read_text()


def test_what_was_calibrated_anew_takes_the_old_ones_place(tmp_path: Path) -> None:
    """Protects the joints that were not calibrated: they are written back as they were."""
    path = tmp_path / "shipped.yaml"
    path.write_text(yaml.safe_dump(shipped("rh_")))
    loaded = load(path)
    save(path, loaded.replaced({"FFJ1": CURVE}), "refined")
    assert load(path)["FFJ1"].angles == pytest.approx(CURVE.angles)
    assert load(path)["MFJ1"].angles == pytest.approx(loaded["MFJ1"].angles)
    assert '["rh_FFJ1"' in path.read_text()


def test_a_surface_goes_through_its_points_and_on_beyond_them(tmp_path: Path) -> None:
    """Protects the thumb: both angles follow from both readings, also a little outside of what the jig gave."""
    path = tmp_path / "shipped.yaml"
    path.write_text(yaml.safe_dump(shipped()))
    surface = load(path)["THJ2"]
    assert isinstance(surface, Surface)
    np.testing.assert_allclose(surface(surface.raw), surface.angles, atol=1e-9)
    middle = surface.raw[[0, 1, 5]].mean(axis=0)  # the corners of a triangle on the edge
    flat = Surface(surface.raw, surface.raw @ [2.0, -3.0])
    beyond = np.array([middle, surface.raw.min(axis=0) - 50.0, surface.raw.max(axis=0) + 50.0])
    np.testing.assert_allclose(flat(beyond), beyond @ [2.0, -3.0], atol=1e-6)
    raw = np.zeros((1, len(JOINTS)))
    raw[0, [JOINTS.index("THJ1"), JOINTS.index("THJ2")]] = 1.0, 2.0
    np.testing.assert_array_equal(readings_for(surface, "THJ2", raw), [[1.0, 2.0]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["sr_calibrations_coupled"][0][1].append([[1.0, 2.0], 3.0, float("nan")]), "THJ1 and THJ2 must"),
        (lambda c: c["sr_calibrations_coupled"][0][1].append([1.0, 2.0, 3.0]), "THJ1 and THJ2 must have at least 3"),
        (lambda c: c["sr_calibrations_coupled"][0].__setitem__(1, 5), "THJ1 and THJ2 must have at least 3"),
        (lambda c: c["sr_calibrations_coupled"][0].__setitem__(1, [[[i, i], i, i] for i in range(9)]), "on one line"),
        (lambda c: c["sr_calibrations_coupled"][0][1].append(c["sr_calibrations_coupled"][0][1][0]), "the same raw"),
        (lambda c: c["sr_calibrations_coupled"][0].__setitem__(0, ["THJ1"]), "sr_calibrations_coupled must be a list"),
        (lambda c: c["sr_calibrations_coupled"][0].__setitem__(0, ["THJ1", "XXJ9"]), "are not two joints of the hand"),
        (lambda c: c["sr_calibrations"].append(["lh_FFJ1", [[0.0, 0.0], [1.0, 1.0]]]), "one hand a file"),
        (lambda c: c["sr_calibrations"].append(["FFJ1", [[0.0, 0.0], [1.0, 1.0]]]), "FFJ1 twice, and differently"),
        (lambda c: c.pop("sr_calibrations_coupled"), "lacks THJ1, THJ2|lacks THJ2, THJ1"),
    ],
)
def test_wrong_tables_are_named(tmp_path: Path, change: Any, message: str) -> None:
    """Protects the thumb from a table that says nothing."""
    content, path = shipped(), tmp_path / "calibration.yaml"
    change(content)
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(DactylError, match=message):
        load(path)
