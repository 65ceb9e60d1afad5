"""The commands of the group `vision`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
import torch

from dactyl import cli
from dactyl.vision.certainty import Certainty, Scale
from dactyl.vision.estimator import Contract, Estimator
from tests.vision.conftest import TINY, states_folder

__all__ = ["states_folder"]


@pytest.fixture
def estimator(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "estimator.safetensors"
    Estimator(Contract(architecture=TINY)).save(path)
    return path


def test_a_sheet_is_drawn(tmp_path: Path, states_folder: Path) -> None:
    """Protects the picture of docs/vision.md."""
    out = tmp_path / "sheet.png"
    arguments = ["--rows", "2", "--columns", "1", "--size", "32", "--out", str(out)]
    assert cli.main(["vision", "show", *arguments, "--states", str(states_folder)]) == 0
    assert cv2.imread(str(out)).shape == (64, 96, 3)


def test_an_evaluation_is_reported(tmp_path: Path, states_folder: Path, estimator: Path) -> None:
    """Protects the keys that others read from --json, and the pictures of the worst cases."""
    report, out = tmp_path / "report.json", tmp_path / "pictures"
    arguments = ["--estimator", str(estimator), "--states", str(states_folder), "--samples", "8", "--on", "training"]
    assert cli.main(["vision", "evaluate", *arguments, "--out", str(out), "--json", str(report)]) == 0
    found = json.loads(report.read_text())
    assert found["command"] == "vision evaluate"
    row = found["results"]["training"]
    assert row["samples"] == 8
    for name in ("rotation_deg", "position_mm"):
        assert {"mean", "std", "p50", "p95"} <= row[name].keys()
    assert (out / "worst-training.png").exists()


def test_stated_errors_are_compared_with_actual_ones(
    tmp_path: Path, states_folder: Path, estimator: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects the reliability table: there only where the file states errors."""
    scale = Scale((1.0,), (-3.0, 0.0), (1.0, 20.0))
    plain = Estimator.load(estimator)
    sure, report = tmp_path / "sure.safetensors", tmp_path / "report.json"
    Estimator(replace(plain.contract, certainty=Certainty(scale, scale)), plain.network).save(sure)
    shared = ["--states", str(states_folder), "--samples", "8", "--on", "training", "--out", str(tmp_path / "out")]
    assert cli.main(["vision", "evaluate", "--estimator", str(sure), *shared, "--json", str(report)]) == 0
    row = json.loads(report.read_text())["results"]["training"]
    assert {"table", "area", "random", "miscalibration"} == row["certainty"]["rotation_deg"].keys()
    assert sum(part["samples"] for part in row["certainty"]["position_mm"]["table"]) == 8
    assert set(row["spoiled"]) == {"none", "another moment", "covered"}
    assert "stated and actual°" in capsys.readouterr().out


def test_a_crop_is_proposed(tmp_path: Path, states_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the key that a preset takes."""
    report = tmp_path / "crop.json"
    arguments = ["--states", str(states_folder), "--samples", "8", "--keep", "0.9", "--json", str(report)]
    assert cli.main(["vision", "crop", *arguments]) == 0
    assert 0.0 < json.loads(report.read_text())["results"]["crop"] < 1.0
    assert "camera_1: crop" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "--estimator", "/nowhere.safetensors"], "there is no such file"),
        (["evaluate", "--estimator", "FILE", "--states", "/nowhere"], "there are no states in /nowhere"),
        (["evaluate", "--estimator", "FILE", "--dataset", "/nowhere"], "is no vision test set"),
        (["show", "--out", "/nowhere/sheet.png", "--rows", "1", "--columns", "1", "--size", "16"], "cannot write"),
        (["train", "nothing"], "there is no vision preset nothing"),
        (["collect", "--policy", "/nowhere.safetensors"], "there is no such file"),
        (["crop", "--states", "/nowhere"], "there are no states in /nowhere"),
        (["certainty"], "name --estimator, or --out"),
        (["certainty", "--estimator", "FILE", "--states", "/nowhere"], "there are no states in /nowhere"),
        (["errors", "--out", "/nowhere/errors.yaml"], "there is no folder /nowhere"),
    ],
)
def test_mistakes_are_told_in_one_line(
    estimator: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """Protects users from tracebacks."""
    assert cli.main(["vision", *(str(estimator) if word == "FILE" else word for word in arguments)]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
