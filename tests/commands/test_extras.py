"""Whoever installed by pip alone is told which extra a command needs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NoReturn

import pytest

from dactyl import cli, doctor
from dactyl.commands.extras import EXTRAS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("module", "advice"), [("viser", "'.[dashboard]'"), ("rclpy", "./dactyl in a checkout")])
def test_a_missing_package_is_one_line(
    module: str, advice: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> NoReturn:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr(doctor, "examine", fail)
    assert cli.main(["doctor"]) == 1
    error = capsys.readouterr().err
    assert advice in error
    assert error.count("\n") == 1


def test_a_package_nobody_knows_stays_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects programmers: a misspelled import is no user's mistake."""

    def fail() -> NoReturn:
        raise ModuleNotFoundError("No module named 'numpyy'", name="numpyy")

    monkeypatch.setattr(doctor, "examine", fail)
    with pytest.raises(ModuleNotFoundError):
        cli.main(["doctor"])


def test_each_extra_exists() -> None:
    """Protects the advice from naming an extra that pyproject.toml does not have."""
    project = (ROOT / "pyproject.toml").read_text()
    extras = project.partition("[project.optional-dependencies]")[2].partition("[tool.")[0]
    assert set(EXTRAS.values()) <= set(re.findall(r"^([a-z]+) = \[$", extras, re.MULTILINE))
