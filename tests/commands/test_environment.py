"""The commands of the group `env`."""

from __future__ import annotations

from pathlib import Path

import pytest
from urdf_parser_py.urdf import Robot

from dactyl import cli


def test_a_robot_is_written_as_urdf_with_its_meshes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects other programs: every mesh that the file names is there."""
    out, meshes = tmp_path / "shadow.urdf", tmp_path / "meshes"
    assert cli.main(["env", "urdf", "--out", str(out), "--meshes", str(meshes)]) == 0
    assert capsys.readouterr().out == f"{out}\n{meshes}\n"
    robot = Robot.from_xml_string(out.read_bytes())
    shapes = [visual.geometry for link in robot.links for visual in link.visuals]
    named = [shape.filename for shape in shapes if hasattr(shape, "filename")]
    assert named
    assert all(Path(name).is_file() for name in named)


def test_a_robot_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["env", "urdf", "--out", "/nowhere/robot.urdf"]) == 1
    (tmp_path / "file").touch()
    assert cli.main(["env", "urdf", "--out", str(tmp_path / "a.urdf"), "--meshes", str(tmp_path / "file")]) == 1
    assert capsys.readouterr().err.count("\n") == 2
