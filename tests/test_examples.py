"""The examples are short, listed, and run."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.recording.graph_bag import write_graph_bag

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
LEARNER = ["stable-baselines3==2.7.0", "pandas", "pytz", "tzdata"]
"""What the front door does not install. Without what these need: torch and Gymnasium are there."""


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, *arguments: str) -> None:
    """An example, in this process: importing torch again for each would take longer than they do."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    runpy.run_path(str(ROOT / "examples" / f"{name}.py"), run_name="__main__")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_short_and_listed(example: Path) -> None:
    """Protects that each can be read at one glance, and is found."""
    assert len(example.read_text().splitlines()) < 60
    assert f"]({example.name})" in (ROOT / "examples" / "README.md").read_text()


def test_random_actions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(monkeypatch, tmp_path, "01_random_actions", "--steps", "5")
    assert "policy sees (16, 22)" in capsys.readouterr().out
    assert (tmp_path / "random.png").stat().st_size > 10_000


@pytest.mark.slow
def test_a_policy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And the shipped policy reaches goals in it."""
    run(monkeypatch, tmp_path, "02_evaluate_a_policy", "--seconds", "15")
    goals = int(capsys.readouterr().out.splitlines()[-1].split()[0])
    assert goals > 5


@pytest.mark.slow
def test_another_learner(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", tmp_path]
    if subprocess.run([*pip, *LEARNER]).returncode:
        pytest.skip("Stable-Baselines3 cannot be installed here")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, ROOT / "examples" / "03_another_learner.py", "--steps", "2048"]
    learned = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    assert learned.returncode == 0, learned.stderr
    assert "total_timesteps" in learned.stdout


@pytest.mark.slow
def test_a_reward(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The new term counts in the environment and in training."""
    run(monkeypatch, tmp_path, "04_write_a_reward", "--minutes", "0.05")
    plain, calm, *_ = (float(line.split()[-1]) for line in capsys.readouterr().out.splitlines()[:2])
    assert calm < plain
    assert list((tmp_path / "runs" / "calm").glob("checkpoint-*"))


def test_a_bag(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_graph_bag(tmp_path / "bag")
    run(monkeypatch, tmp_path, "05_read_a_bag", "bag")
    printed = capsys.readouterr().out
    assert "trial 0: goal 2 reached" in printed
    assert "nothing is damaged" in printed


@pytest.mark.slow
def test_the_graph(ros_domain: int) -> None:
    command = [sys.executable, ROOT / "examples" / "06_drive_the_graph.py", "--seconds", "25"]
    driven = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert driven.returncode == 0, driven.stderr
    assert "success=True" in driven.stdout, driven.stdout
