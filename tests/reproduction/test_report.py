"""Reports are made of the results alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from dactyl.errors import DactylError
from dactyl.reproduction import engine, report
from tests.reproduction.toys import Toy, choice


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a finished experiment."""
    return engine.run(Toy().experiment(), choice(tmp_path / "runs"), lambda text: None)[0].parent


def test_the_rows_stand_in_a_table_with_the_papers(folder: Path) -> None:
    page = (folder / report.TABLE).read_text()
    assert page.startswith("# Table 0: a toy\n\n    ./dactyl reproduce toy\n")
    assert "| what second gives | 7 / 8 | 2 | all |" in page, "a bar in a cell would end it"
    assert "- It is a toy." in page
    assert f"![a toy]({report.PICTURE})" in page
    assert "Measured on " in page
    assert "figures mean nothing" not in page


def test_the_picture_is_one(folder: Path) -> None:
    with Image.open(folder / report.PICTURE) as picture:
        assert picture.format == "PNG"
        assert picture.size[0] > 300


def test_the_report_is_made_again_from_the_results_alone(folder: Path) -> None:
    before = (folder / report.TABLE).read_text()
    for path in folder.iterdir():
        if path.is_file() and path.name != report.RESULT:
            path.unlink()
    report.remake(Toy().experiment(), folder)
    assert (folder / report.TABLE).read_text() == before
    assert (folder / report.PICTURE).exists()


@pytest.mark.parametrize("damage", ["", "{", "3", '{"results": {"quick": false, "steps": {"first": {}}}}'])
def test_damaged_results_are_one_line(folder: Path, damage: str) -> None:
    (folder / report.RESULT).write_text(damage)
    with pytest.raises(DactylError, match=r"the results .* are damaged"):
        report.read(folder / report.RESULT)


def test_absent_results_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(DactylError, match="cannot read the results"):
        report.read(tmp_path / "nothing.json")


def test_a_full_report_is_shipped_as_it_is(folder: Path, tmp_path: Path) -> None:
    shipped = report.ship(Toy().experiment(), folder, tmp_path / "docs")
    assert [path.relative_to(tmp_path) for path in shipped] == [
        Path("docs/toy") / name for name in (report.RESULT, report.TABLE, report.PICTURE)
    ]
    assert all(path.read_bytes() == (folder / path.name).read_bytes() for path in shipped)


def test_the_quick_form_is_not_shipped(tmp_path: Path) -> None:
    folder = engine.run(Toy().experiment(), choice(tmp_path, quick=True), lambda text: None)[0].parent
    with pytest.raises(DactylError, match="its figures mean nothing"):
        report.ship(Toy().experiment(), folder, tmp_path / "docs")
    assert not (tmp_path / "docs").exists()


def test_the_machine_and_the_commit_are_said(folder: Path) -> None:
    steps, quick = report.read(folder / report.RESULT)
    document = json.loads((folder / report.RESULT).read_text())
    assert not quick
    said = report.provenance(steps)
    assert document["machine"]["cpu"] in said
    assert "commit" in said
