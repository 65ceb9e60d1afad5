"""The quick form of every experiment, through the command line: everything runs, and nothing is done twice."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from dactyl import cli
from dactyl.reproduction import catalogue, report

NEEDS = {
    "table-3-held-out": "mujoco_warp",
    "table-6": "mujoco_warp",
    "figure-10-ray": "ray",
    "node-lost": "ray",
    "keypoints": "robot_properties_fingers",
    "randomizations": "robot_properties_fingers",
    "shapes": "robot_properties_fingers",
    "autotune": "fourier_robot_descriptions",
    "starts": "fourier_robot_descriptions",
    "groups": "fourier_robot_descriptions",
    "depth-and-position": "fourier_robot_descriptions",
    "stickers": "fourier_robot_descriptions",
    "pushes": "fourier_robot_descriptions",
}
"""The held-out renderer twice, training on a cluster twice, and robots' models nine times."""


@pytest.mark.slow
@pytest.mark.parametrize("name", catalogue.NAMES)
def test_the_quick_form_ends_in_a_report(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    if name == "table-4-graph":
        request.getfixturevalue("ros_domain")
    if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
        pytest.skip(f"{NEEDS[name]} is not installed")
    command = ["reproduce", name, "--quick", "--threads", "1", "--workers", "1", "--out", str(tmp_path)]
    assert cli.main(command) == 0
    printed = capsys.readouterr()
    assert "step 1 of" in printed.err
    assert report.QUICK in printed.out
    folder = tmp_path / f"{name}-quick"
    steps, quick = report.read(folder / report.RESULT)
    assert quick
    assert steps
    experiment = catalogue.load(name)
    for file in (report.TABLE, report.PICTURE, *experiment.pictures):
        assert (folder / file).stat().st_size > 0

    before = json.loads((folder / report.RESULT).read_text())["results"]
    assert cli.main(command) == 0
    assert "step 1 of" not in capsys.readouterr().err
    assert json.loads((folder / report.RESULT).read_text())["results"] == before
