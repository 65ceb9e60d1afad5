"""Files of RViz, rqt and the aggregator for another namespace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from dactyl import cli
from dactyl.bringup import views
from dactyl.storage.shared import shared


@pytest.mark.parametrize("name", views.FILES)
def test_the_usual_namespace_gives_the_shipped_files(name: str) -> None:
    """Protects the tests of the shipped files, which then hold for every namespace."""
    text = shared("config", *name.split("/")).read_text()
    assert views.in_namespace(text, "/dactyl") == text
    assert views.in_namespace(views.in_namespace(text, "/left"), "/left") == views.in_namespace(text, "/left")


@pytest.mark.parametrize("name", views.FILES)
def test_every_name_is_led_elsewhere(name: str) -> None:
    """Protects a second hand's window from showing the first one."""
    before = shared("config", *name.split("/")).read_text()
    after = views.in_namespace(before, "/lab/left")
    assert "/dactyl/" not in after
    assert after.count("/lab/left/") == before.count("/dactyl/") > 0


def test_the_command_writes_files_that_can_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects `./dactyl views FOLDER --namespace /left`."""
    folder = tmp_path / "new" / "left"
    assert cli.main(["views", str(folder), "--namespace", "left"]) == 0
    assert capsys.readouterr().out.split() == [str(folder / Path(name).name) for name in views.FILES]
    rviz = yaml.safe_load((folder / "dactyl.rviz").read_text())["Visualization Manager"]
    assert "/left/markers" in {display["Topic"]["Value"] for display in rviz["Displays"] if "Topic" in display}
    json.loads((folder / "dactyl.perspective").read_text())
    analyzers = yaml.safe_load((folder / "diagnostics.yaml").read_text())["/analyzers"]["ros__parameters"]
    assert analyzers["path"] == "left"
    assert "/left/hand_driver" in analyzers["control"]["contains"]


def test_a_folder_that_cannot_be_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert cli.main(["views", str(tmp_path / "file")]) == 1
    assert f"cannot write into {tmp_path / 'file'}" in capsys.readouterr().err
