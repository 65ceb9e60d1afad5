"""Whether a window can be shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from dactyl.simulation import display


@pytest.fixture(autouse=True)
def no_display(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in display.DISPLAYS:
        monkeypatch.delenv(name, raising=False)


def test_without_a_display_there_is_no_window() -> None:
    """Protects servers, which have none."""
    assert display.problem() == "no display"


@pytest.mark.parametrize("name", display.DISPLAYS)
def test_a_display_without_a_server_is_found_out(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Protects the run from MuJoCo's viewer, which ends the process, and the folder from its MUJOCO_LOG.TXT."""
    monkeypatch.setenv(name, ":4711")
    assert display.problem() == f"no window on {name}=:4711: no server answers"
    assert not list(tmp_path.iterdir())


def test_a_driver_that_dies_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the run from graphics drivers that end the process."""
    monkeypatch.setenv("DISPLAY", ":4711")
    monkeypatch.setattr(display, "_OPEN_A_WINDOW", "import os; os.abort()")
    assert display.problem() == "no window on DISPLAY=:4711: the graphics driver fails"
    monkeypatch.setattr(display, "_OPEN_A_WINDOW", "")
    assert display.problem() == ""
