"""What is said about a calibration."""

from __future__ import annotations

from pathlib import Path

from dactyl.robots.shadow.calibration import joint_report
from dactyl.robots.shadow.calibration.joints import Fit
from dactyl.robots.shadow.calibration.synthetic import Synthetic
from dactyl.robots.shadow.joints import FINGERS, JOINTS


def test_the_results_name_every_finger_and_stage(fit: Fit) -> None:
    """Protects who reads the JSON: residuals by finger, before and after."""
    found = joint_report.results(fit)
    assert set(found["fingertip_error_mm"]) == {"factory", "placed", "calibrated"}
    for stage in found["fingertip_error_mm"].values():
        assert set(stage) == {*FINGERS, "all"}
    assert set(found["curves"]) == set(JOINTS)
    assert found["moments"] == {"fitted": 400, "held_out": 100}
    errors = found["fingertip_error_mm"]
    text = joint_report.as_text(found)
    assert f"{errors['calibrated']['FF']['rms']:.2f}" in text
    assert len(text.splitlines()) == 10


def test_the_plot_is_a_picture(fit: Fit, hand: Synthetic, tmp_path: Path) -> None:
    """Protects the plot."""
    joint_report.plot(tmp_path / "a.png", fit, hand.truth)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
