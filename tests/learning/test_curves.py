"""Learning curves from training tables."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from dactyl import cli
from dactyl.errors import DactylError
from dactyl.learning import curves

HEADER = "steps,years,hours,successes,goals_per_minute,terminated_per_minute\n"


def table(path: Path, slope: float, rows: int = 300) -> Path:
    path.parent.mkdir(exist_ok=True)
    lines = (f"{i},{i * 1e-3},{i * 1e-2},{slope * i},{slope},1.0\n" for i in range(rows))
    path.write_text(HEADER + "".join(lines))
    return path


def test_a_picture_of_two_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Folders and tables kept elsewhere alike; the second line changes the picture."""
    one, two = table(tmp_path / "one" / "progress.csv", 0.01), table(tmp_path / "two.csv", 0.02)
    pictures = []
    for runs in ([str(one.parent)], [str(one.parent), str(two)]):
        assert cli.main(["curves", *runs, "--out", str(tmp_path / "curves.png")]) == 0
        pictures.append(cv2.imread(str(tmp_path / "curves.png")))
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / "curves.png")] * 2
    assert pictures[0].shape == (800, 900, 3)
    assert (pictures[0] != pictures[1]).any()


def test_runs_of_the_same_name_have_a_line_each(tmp_path: Path) -> None:
    """The tables of two trainings are both called progress.csv."""
    runs = [table(tmp_path / name / "progress.csv", slope) for name, slope in (("one", 0.01), ("two", 0.02))]
    assert curves._names(runs) == [str(run) for run in runs]
    assert curves._names([runs[0].parent, runs[1]]) == ["one", "progress"]


def test_no_run_makes_no_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["curves", "--out", str(tmp_path / "curves.png")]) == 1
    assert "name the training folders" in capsys.readouterr().err
    assert not (tmp_path / "curves.png").exists()


@pytest.mark.parametrize("row", ["1,nan,nan,nan,nan,nan\n", "1,0.1,0.1,nan,nan,nan\n", "1,nan,0.1,1,1,1\n"])
def test_a_table_of_no_numbers_makes_no_picture(tmp_path: Path, row: str) -> None:
    """Protects from an empty picture and a success; a run whose first episodes have not ended yet is drawn."""
    path = tmp_path / "run.csv"
    path.write_text(HEADER + row)
    with pytest.raises(DactylError, match="nothing to draw"):
        curves.read(path)
    path.write_text(HEADER + "1,0.1,0.1,nan,2.0,nan\n")
    assert np.isnan(curves.read(path)["successes"]).all()


def test_a_run_is_read_whole(tmp_path: Path) -> None:
    read = curves.read(table(tmp_path / "run.csv", 0.5))
    np.testing.assert_allclose(read["successes"], 0.5 * np.arange(300))
    np.testing.assert_allclose(curves._means(read["hours"])[[0, -1]], [0.01, 2.98])
    assert len(curves._means(np.arange(7.0))) == 7


def test_what_is_no_training(tmp_path: Path) -> None:
    with pytest.raises(DactylError, match=r"no progress\.csv there"):
        curves.read(tmp_path)
    for text, match in (
        (HEADER, "no rows yet"),
        ("a,b\n1,2\n", "not the table of a training"),
        (HEADER + "1,2", "not"),
    ):
        (tmp_path / "progress.csv").write_text(text)
        with pytest.raises(DactylError, match=match):
            curves.read(tmp_path)
    good = table(tmp_path / "good.csv", 1.0)
    with pytest.raises(DactylError, match="must end in"):
        curves.draw([good], tmp_path / "curves.docx")


@pytest.mark.parametrize(
    "tail", ["3,0.003,0.03,0", "3,0.003,0.03,0.5,0.5,1.", "3,0.003,0.03,0.5,0.5,\n", "x\n", "\0" * 4096, "\n\n", "\0\n"]
)
def test_a_table_that_was_cut_off_is_read_up_to_there(tmp_path: Path, tail: str) -> None:
    """Protects the curve of a training that was killed: the end of its table may be half a line, or zeros."""
    path = table(tmp_path / "run.csv", 0.5, rows=3)
    path.write_text(path.read_text() + tail)
    notes: list[str] = []
    assert curves.read(path, notes)["years"].tolist() == [0.0, 1e-3, 2e-3]
    assert len(notes) == (0 if tail in ("\n\n", "\0\n") else 1)


def test_a_table_that_is_damaged_inside_is_refused_by_its_line(tmp_path: Path) -> None:
    """Protects from a curve with a hole."""
    path = table(tmp_path / "run.csv", 0.5, rows=5)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:3], "1,2,3\n", *lines[3:]]))
    with pytest.raises(DactylError, match="line 4 is not"):
        curves.read(path)
    path.write_bytes(b"\xff\xfe\x00\x01" * 9)
    with pytest.raises(DactylError, match="it is no text"):
        curves.read(path)


def test_what_is_left_out_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects from a silent gap."""
    path = table(tmp_path / "run.csv", 0.5, rows=3)
    path.write_text(path.read_text() + "3,0.0")
    assert cli.main(["curves", str(path), "--out", str(tmp_path / "a.png")]) == 0
    assert "run.csv: the last line is cut off and left out" in capsys.readouterr().err


def test_more_columns_may_be_asked_for(tmp_path: Path) -> None:
    path = table(tmp_path / "progress.csv", 0.01, rows=3)
    assert curves.read(path, more=("steps",))["steps"].tolist() == [0.0, 1.0, 2.0]
    assert "steps" not in curves.read(path)
    with pytest.raises(DactylError, match="it has no entropy"):
        curves.read(path, more=("entropy",))
