"""The doctor tells what is missing, and whether that matters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dactyl import cli, doctor
from dactyl.doctor import Finding
from dactyl.errors import MissingPackageError


def broken() -> str:
    raise OSError("libEGL.so.1: cannot open shared object file\nand more")


def test_a_probe_that_raises_anything_is_a_missing_part() -> None:
    """Protects the doctor from dying of the illness that it is to find."""
    finding = doctor._probe("rendering", broken, remedy="install it")
    assert finding == Finding("rendering", "libEGL.so.1: cannot open shared object file", False, True, "install it")


@pytest.mark.parametrize(("needed", "code"), [(True, 1), (False, 0)])
def test_exit_code_is_about_what_is_needed(needed: bool, code: int) -> None:
    """Protects scripts that ask the doctor: a missing GPU is no failure, a missing mujoco is."""
    assert doctor.exit_code([Finding("a", "1"), Finding("b", "absent", False, needed, "get it")]) == code


def test_table_says_how_to_get_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the way out: the remedy is shown, and only for what is missing."""
    doctor.show([Finding("mujoco", "4.0.0", remedy="unseen"), Finding("GPU", "none", False, False, "buy one")])
    shown = capsys.readouterr().out
    assert "buy one" in shown
    assert "unseen" not in shown


def test_a_dead_renderer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects against a GL backend that does not work: it is tried, in a process of its own."""
    monkeypatch.setenv("MUJOCO_GL", "nonsense")
    finding = doctor._probe("rendering", doctor._rendering, remedy="")
    assert not finding.ok
    assert "nonsense" in finding.found


def test_this_machine_has_all_that_is_needed(ros_domain: int, tmp_path: Path) -> None:
    """Protects set-up: what it leaves behind works, from rclpy to a rendered frame; and the report as a file."""
    path = tmp_path / "doctor.json"
    assert cli.main(["doctor", "--json", str(path)]) == 0
    found = json.loads(path.read_text())["results"]
    assert "HandAction" in found["messages"]["found"]
    assert found["middleware"]["found"].endswith(f"domain {ros_domain}")
    assert found["rendering"]["ok"]


def test_a_robot_whose_package_is_not_installed_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects who never wanted it; and the usual robot's model is still needed."""
    from dactyl.simulation import scene

    def build(config: scene.SceneConfig) -> scene.Scene:
        if config.robot == missing:
            raise MissingPackageError("its model is missing: pip install it")
        return made

    made = scene.build()
    monkeypatch.setattr(scene, "build", build)
    missing = "trifinger"
    assert "shadow (24 joints), trifinger without its model (its model is missing: pip install it)" in doctor._robots()
    missing = "shadow"
    with pytest.raises(MissingPackageError, match="pip install it"):
        doctor._robots()
