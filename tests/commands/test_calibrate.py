"""The commands of the group `calibrate`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dactyl import cli
from dactyl.calibration.hall import load


def test_a_synthetic_calibration_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the command from end to end: calibration, plot and JSON."""
    out, plot, report = tmp_path / "a.yaml", tmp_path / "a.png", tmp_path / "a.json"
    arguments = ["calibrate", "joints", "--synthetic", "--moments", "150", "--out", str(out), "--plot", str(plot)]
    assert cli.main([*arguments, "--json", str(report)]) == 0
    assert "against the truth: joints" in capsys.readouterr().out
    found = json.loads(report.read_text())
    assert found["command"] == "calibrate joints"
    assert found["results"]["truth"]["after"]["fingertip_mm"] < found["results"]["truth"]["before"]["fingertip_mm"]
    assert load(out)
    assert plot.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name either a BAG and its --factory calibration, or --synthetic"),
        (["bag"], "name either"),
        (["--synthetic", "--out", "none/a.yaml"], "there is no folder"),
        (["bag", "--factory", "none.yaml"], "cannot read the calibration none.yaml"),
    ],
)
def test_mistakes_get_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects a user from a stack trace."""
    assert cli.main(["calibrate", "joints", *arguments]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
