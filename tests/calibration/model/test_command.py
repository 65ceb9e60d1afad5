"""The command from a recording to the files, and what is bad refused with nothing written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dactyl import cli
from dactyl.calibration.model import recording as recordings
from dactyl.calibration.model.recording import Recording
from dactyl.robot import parameters
from dactyl.simulation.scene import SceneConfig, build


@pytest.fixture
def npz(recording: Recording, tmp_path: Path) -> Path:
    path = tmp_path / "recording.npz"
    recordings.save(path, recording)
    return path


def test_a_recording_is_calibrated_and_the_file_improves_the_scene(
    npz: Path, hidden: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, report, plot = (tmp_path / name for name in ("model.yaml", "model.json", "model.png"))
    files = ["--out", str(out), "--json", str(report), "--plot", str(plot)]
    assert cli.main(["calibrate", "model", str(npz), *files, "--threads", "1"]) == 0
    results = json.loads(report.read_text())["results"]
    error = results["error_deg"]["before"]["all"], results["methods"]["descent"]["error_deg"]["all"]
    assert error[1] < 0.5 * error[0]
    printed = capsys.readouterr().out
    assert f"{error[0]:.2f}°" in printed
    assert "have no effect in this recording" in printed
    assert plot.read_bytes().startswith(b"\x89PNG")
    found = build(SceneConfig(robot="tray", calibration=str(out))).parameters.vector()
    plain = build(SceneConfig(robot="tray")).parameters.vector()
    damping = [0, 7]
    assert (np.abs(found - hidden)[damping] < np.abs(plain - hidden)[damping]).all()


@pytest.mark.slow  # three methods, after a recording of their own
def test_all_methods_are_compared_on_a_hidden_robot(tmp_path: Path, tray: object) -> None:
    report, truth = tmp_path / "model.json", tmp_path / "truth.yaml"
    arguments = ["--synthetic", "--robot", "tray", "--method", "all", "--population", "64", "--noise", "0.001"]
    files = ["--out", str(tmp_path / "model.yaml"), "--json", str(report), "--truth", str(truth)]
    assert cli.main(["calibrate", "model", *arguments, *files, "--threads", "1"]) == 0
    results = json.loads(report.read_text())["results"]
    assert set(results["methods"]) == {"descent", "autotune", "least-squares"}
    best = results["methods"][results["best"]]
    assert results["error_deg"]["truth"]["all"] < best["error_deg"]["all"] < results["error_deg"]["before"]["all"]
    assert all(method["steps"] > 0 and method["seconds"] > 0 for method in results["methods"].values())
    assert best["distance"]["damping"][1] < best["distance"]["damping"][0]
    assert len(parameters.read(truth, build(SceneConfig(robot="tray")).robot)) == 20


@pytest.mark.parametrize("content", [b"", b"nonsense"])
def test_a_bad_recording_leaves_no_file(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.npz"
    bad.write_bytes(content)
    files = [
        "--out",
        str(tmp_path / "model.yaml"),
        "--json",
        str(tmp_path / "r.json"),
        "--plot",
        str(tmp_path / "p.png"),
    ]
    assert cli.main(["calibrate", "model", str(bad), *files]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("dactyl: ")
    assert printed.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["bad.npz"]


def test_a_robot_that_did_not_move_leaves_no_file(
    recording: Recording, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    still = tmp_path / "still.npz"
    recordings.save(still, Recording(recording.robot, recording.targets, 0.0 * recording.angles))
    assert cli.main(["calibrate", "model", str(still), "--out", str(tmp_path / "model.yaml")]) == 1
    assert "did not move, though it was told to" in capsys.readouterr().err
    assert not (tmp_path / "model.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name either a RECORDING or --synthetic"),
        (["x.npz", "--synthetic"], "name either a RECORDING or --synthetic"),
        (["x.npz", "--truth", "t.yaml"], "nobody knows the truth"),
        (["x.npz"], "cannot read the recording x.npz"),
        (["x"], "there is no bag x"),
        (["x.npz", "--out", "no/where.yaml"], "there is no folder"),
    ],
)
def test_a_mistake_is_said(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["calibrate", "model", *arguments]) == 1
    assert message in capsys.readouterr().err
