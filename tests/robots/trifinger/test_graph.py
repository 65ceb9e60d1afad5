"""The TriFinger through the ROS graph: simulated in lockstep, and every node of a laboratory with what is emulated."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs ROS: run with ./dactyl test")

from dactyl.learning.models.recurrent import Architecture
from dactyl.learning.policy import Contract, Policy
from dactyl.simulation.scene import Scene


@pytest.fixture
def untrained(scene: Scene, tmp_path: Path) -> Path:
    """A policy of torques that has learned nothing; the robot's package is installed."""
    robot, architecture = scene.robot.name, Architecture((16,), 0)
    contract = Contract(
        robot=robot, task="repose", object="cube", architecture=architecture, trained={"untrained": True}
    )
    Policy(contract).save(tmp_path / "policy.safetensors")
    return tmp_path


def run(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """One short trial; what came of it."""
    report = folder / "report.json"
    command = [sys.executable, "-m", "dactyl.cli", *arguments, "--policy", str(folder), "--no-dashboard"]
    command += ["--trials", "1", "--rules", "{difficulty: 1, timeout: 1.0}", "--json", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout
    trials: list[dict[str, Any]] = json.loads(report.read_text())["results"]["trials"]
    return trials


@pytest.mark.slow
def test_a_simulated_one_runs_a_trial_in_lockstep(untrained: Path, ros_domain: int) -> None:
    """Protects `./dactyl sim` with a policy for it."""
    (trial,) = run(untrained, "sim", "--lockstep", "--headless")
    assert trial["seconds"] == pytest.approx(1.0, abs=0.03)


@pytest.mark.slow
def test_an_emulated_laboratory_runs_a_trial(untrained: Path, ros_domain: int) -> None:
    """Protects `./dactyl real` with a policy for it: with the Shadow's parameters its nodes did not start."""
    pytest.importorskip("pypylon")
    (trial,) = run(untrained, "real", "--emulate")
    assert trial["seconds"] == pytest.approx(1.0, abs=0.1)
