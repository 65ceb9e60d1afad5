"""The code keeps to the settings of pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-m", "ruff", "check", "--quiet", "."],
        [sys.executable, "-m", "mypy"],
        ["shellcheck", "dactyl", ".ci/run"],
        ["codespell"],
    ],
    ids=["ruff", "mypy", "shellcheck", "codespell"],
)
def test_checker_finds_nothing(command: list[str]) -> None:
    """Protects the code's style, its types, the shell scripts from the traps of shell, and all words from slips."""
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
