"""The proof that a robot or a task is one new folder: a toy of each, registered from outside, with no edit anywhere.

`tests/plugins` is what another package would be: robots, a task, their entry points. One robot has two joints instead
of 24, another control period, other bins; the other takes torques. The task's goals are points.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.toys import PLUGINS, installed_toys


def dactyl(*arguments: str | Path, timeout: float = 120.0, domain: int | None = None) -> str:
    """The command line with the toys installed; what it printed."""
    path = os.pathsep.join([str(PLUGINS), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    if domain is not None:
        environment["ROS_DOMAIN_ID"] = str(domain)
    command = [sys.executable, "-m", "dactyl.cli", *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy for the toys after ten iterations."""
    out = tmp_path_factory.mktemp("toys") / "run"
    dactyl("train", "slide", "--out", out, "--device", "cpu", "--threads", "1")
    return out


@pytest.mark.parametrize("command", ["sim", "evaluate"])
def test_help_names_what_a_package_adds(command: str) -> None:
    printed = dactyl(command, "--help")
    assert "tray" in printed
    assert "slide" in printed


def test_the_toys_train_ten_iterations_and_are_evaluated(trained: Path, tmp_path: Path) -> None:
    rows = (trained / "progress.csv").read_text().splitlines()
    assert len(rows) == 1 + 10
    report = tmp_path / "evaluation.json"
    dactyl("evaluate", "--policy", trained, "--trials", "4", "--json", report, "--threads", "1")
    results = json.loads(report.read_text())["results"]
    assert len(results["trials"]) == 4
    assert max(trial["successes"] for trial in results["trials"]) <= 3


def test_the_toys_run_through_the_graph_in_lockstep(trained: Path, tmp_path: Path, ros_domain: int) -> None:
    """Twice, to show that it is repeatable."""
    pytest.importorskip("rclpy", reason="needs ROS: run with ./dactyl test")
    outcomes = []
    for number in range(2):
        report = tmp_path / f"trials-{number}.json"
        dactyl(
            "sim", "--policy", trained, "--trials", "1", "--lockstep", "--headless", "--no-dashboard",
            "--seed", "1", "--json", report, domain=ros_domain,
        )  # fmt: skip
        outcomes.append(json.loads(report.read_text())["results"]["trials"])
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][0]["seconds"] > 0


@pytest.fixture(scope="module")
def untrained_arm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy of torques that has learned nothing."""
    from dactyl.learning.models.recurrent import Architecture
    from dactyl.learning.policy import Contract, Policy

    folder = tmp_path_factory.mktemp("arm")
    with installed_toys():
        contract = Contract(
            robot="arm", task="repose", object="cube", architecture=Architecture((16,), 0), trained={"untrained": True}
        )
        Policy(contract).save(folder / "policy.safetensors")
    return folder


def test_a_policy_of_torques_is_evaluated_by_rules_of_its_own(untrained_arm: Path, tmp_path: Path) -> None:
    report = tmp_path / "evaluation.json"
    dactyl(
        "evaluate", "--policy", untrained_arm, "--trials", "3", "--rules", "{difficulty: 1, timeout: 1.0}",
        "--json", report, "--threads", "1",
    )  # fmt: skip
    results = json.loads(report.read_text())["results"]
    assert results["rules"]["timeout"] == 1.0
    assert [round(trial["seconds"], 2) for trial in results["trials"]] == [1.0] * 3
    assert "motion_deg_per_step" not in results


@pytest.mark.slow
def test_torques_run_through_the_graph_in_lockstep(untrained_arm: Path, tmp_path: Path, ros_domain: int) -> None:
    """The same nodes as for positions; twice, to show that it is repeatable."""
    pytest.importorskip("rclpy", reason="needs ROS: run with ./dactyl test")
    outcomes = []
    for number in range(2):
        report = tmp_path / f"trials-{number}.json"
        dactyl(
            "sim", "--policy", untrained_arm, "--trials", "1", "--lockstep", "--headless",
            "--no-dashboard", "--seed", "1", "--json", report, domain=ros_domain,
        )  # fmt: skip
        outcomes.append(json.loads(report.read_text())["results"]["trials"])
    assert outcomes[0] == outcomes[1]
    assert 0 < outcomes[0][0]["seconds"] <= 15.1
