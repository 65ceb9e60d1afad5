"""Written pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dactyl import cli
from dactyl.errors import DactylError
from dactyl.storage import pictures


@pytest.mark.parametrize("ending", pictures.PIXELS)
def test_every_ending_that_is_offered_is_written(tmp_path: Path, ending: str) -> None:
    """Protects the list of endings; a name may be in capitals."""
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[..., 0] = 200
    for path in (tmp_path / f"a{ending}", tmp_path / f"A{ending.upper()}"):
        pictures.write(path, picture)
        red = cv2.imread(str(path))[4, 4, 2]
        assert 190 <= red <= 210


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.pdf", r"must end in \.png, \.jpg"),
        ("a", "must end in"),
        (".png", "must end in"),
        ("none/a.png", "there is no folder"),
    ],
)
def test_what_cannot_be_written_is_one_line(tmp_path: Path, name: str, message: str) -> None:
    """Protects from OpenCV's exceptions."""
    with pytest.raises(DactylError, match=message):
        pictures.write(tmp_path / name, np.zeros((8, 8), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_picture_is_none(tmp_path: Path) -> None:
    """Protects from OpenCV's exception at a size that cannot be, and from taking blue for red."""
    path = tmp_path / "a.bmp"
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[..., 0] = 200
    pictures.write(path, picture)
    found = pictures.read(path)
    assert found is not None
    np.testing.assert_array_equal(found, picture)
    raw = bytearray(path.read_bytes())
    raw[18:26] = (2**30).to_bytes(4, "little") * 2
    path.write_bytes(raw)
    assert pictures.read(path) is None
    assert pictures.read(tmp_path / "none.png") is None


@pytest.mark.parametrize(
    "command",
    [
        "calibrate cameras --print-board x.pdf",
        "calibrate joints --synthetic --plot x.xyz",
        "dataset show none --out x.pdf",
        "curves none --out x.docx",
        "vision show --out x.pdf",
        "film x.pdf",
    ],
)
def test_commands_refuse_an_ending_before_they_work(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects the work: the picture comes last, its name is known first."""
    monkeypatch.chdir(tmp_path)
    assert cli.main(command.split()) == 1
    error = capsys.readouterr().err
    assert "must end in" in error
    assert error.count("\n") == 1
