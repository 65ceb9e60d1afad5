"""The file of a model calibration says what it means, and what it cannot mean is refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dactyl.errors import DactylError
from dactyl.robot import parameters
from dactyl.robot import robot as robots
from dactyl.robot.parameters import Key, ModelParameters, differences, from_vector, keys, lay_over, paper_count

SHADOW = robots.load("shadow")
GR1 = robots.load("gr1_right")
MOVED = "R_index_intermediate_joint"
"""By R_index_proximal_joint."""


@pytest.fixture
def nominal() -> ModelParameters:
    joints = np.tile([0.1, 0.0, 0.0, 0.0, 0.01, -0.5, 0.5], (24, 1))
    return ModelParameters(joints, np.tile([1.0, 0.9, 8.0, 8.0], (20, 1)))


def test_the_hand_has_248_numbers_that_the_paper_counts_as_264() -> None:
    assert len(keys(SHADOW)) == 24 * 7 + 20 * 4 == 248
    assert paper_count(SHADOW) == 264


def test_what_is_written_is_read_again(nominal: ModelParameters, tmp_path: Path) -> None:
    changes = {Key("FFJ3", "damping"): 0.25, Key("THJ5", "upper"): 0.4, Key("LFJ0", "backlash_negative"): 3.5}
    parameters.write(tmp_path / "model.yaml", SHADOW, changes, "a note")
    read = parameters.read(tmp_path / "model.yaml", SHADOW)
    assert read == changes
    changed = lay_over(SHADOW, nominal, read)
    assert changed.joint("damping")[SHADOW.joints.index("FFJ3")] == 0.25
    assert changed.backlash[SHADOW.actuators.index("LFJ0")].tolist() == [3.5, 8.0]
    assert differences(SHADOW, nominal, changed) == changes
    np.testing.assert_array_equal(from_vector(SHADOW, changed.vector()).joints, changed.joints)


def test_couplings_are_written_and_read_too(tmp_path: Path) -> None:
    """k and b of joints without a motor (Lin et al., appendix A); a robot without any has no such section."""
    changes = {Key(MOVED, "damping"): 0.03, Key(MOVED, "k"): 0.9, Key("R_thumb_distal_joint", "b"): -0.02}
    parameters.write(tmp_path / "model.yaml", GR1, changes)
    assert parameters.read(tmp_path / "model.yaml", GR1) == changes
    parameters.write(tmp_path / "hand.yaml", SHADOW, {Key("FFJ3", "damping"): 0.25})
    assert "couplings" not in (tmp_path / "hand.yaml").read_text()


def test_parameters_of_many_robots_keep_their_places() -> None:
    """Over leading dimensions, as a replay has them."""
    count = len(keys(GR1))
    assert count == 18 * 7 + 13 * 4 + 5 * 2 == paper_count(GR1)
    vectors = np.arange(2.0 * count).reshape(2, count)
    many = from_vector(GR1, vectors)
    for row in range(2):
        np.testing.assert_array_equal(from_vector(GR1, vectors[row]).couplings, many.couplings[row])
        one = ModelParameters(many.joints[row], many.actuators[row], many.couplings[row])
        np.testing.assert_array_equal(one.vector(), vectors[row])
    assert many.coupling("k")[1, 1] == vectors[1, keys(GR1).index(Key(MOVED, "k"))]


@pytest.mark.parametrize("limit", ["lower", "upper"])
def test_limits_of_a_joint_that_another_moves_are_refused(limit: str, tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(f"robot: gr1_right\njoints: {{{MOVED}: {{{limit}: 0.1}}}}")
    with pytest.raises(DactylError, match=f"{MOVED} {limit}: R_index_proximal_joint moves it, its limits follow"):
        parameters.read(path, GR1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no robot"),
        ("- 1", "names no robot"),
        ("robot: tray", "for the robot tray, not for shadow"),
        ("robot: [shadow]", "for the robot"),
        ("robot: shadow\nwrist: {}", "unknown key wrist"),
        ("robot: shadow\njoints: 3", "must be a mapping"),
        ("robot: shadow\njoints: {FFJ9: {}}", "FFJ9, which the robot has not"),
        ("robot: shadow\njoints: {FFJ0: {damping: 1}}", "FFJ0, which the robot has not"),
        ("robot: shadow\njoints: {FFJ3: 1}", "must be a mapping"),
        ("robot: shadow\njoints: {FFJ3: {gain: 1}}", "unknown key joints.FFJ3.gain"),
        ("robot: shadow\njoints: {FFJ3: {damping: .nan}}", "expected a finite number"),
        ("robot: shadow\njoints: {FFJ3: {damping: yes}}", "expected a finite number"),
        ("robot: shadow\njoints: {FFJ3: {damping: -1}}", "must be >= 0"),
        ("robot: shadow\nactuators: {FFJ3: {gain: 0}}", "must be > 0"),
        ("robot: shadow\ncouplings: {FFJ1: {k: 1}}", "FFJ1, which the robot has not"),
        ("robot: {", "is not YAML"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(text)
    with pytest.raises(DactylError, match=message) as caught:
        parameters.read(path, SHADOW)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DactylError, match="cannot read the model calibration"):
        parameters.read(tmp_path / "none.yaml", SHADOW)


def test_limits_may_not_cross(nominal: ModelParameters) -> None:
    with pytest.raises(DactylError, match="limits of WRJ1 cross"):
        lay_over(SHADOW, nominal, {Key("WRJ1", "lower"): 0.6})
