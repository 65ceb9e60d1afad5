"""The shape of a --json file, and what happens where it cannot be written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from dactyl import __version__, results
from dactyl.errors import DactylError


def test_file_has_the_one_shape_of_all_commands(tmp_path: Path) -> None:
    """Protects the readers of results files: the keys, and what the figures were measured on."""
    path = tmp_path / "out.json"
    results.write(path, "sim", 7, {"mean": 1.5})

    document = json.loads(path.read_text())
    assert list(document) == ["command", "version", "commit", "seed", "machine", "results"]
    assert (document["command"], document["version"], document["seed"]) == ("sim", __version__, 7)
    assert document["results"] == {"mean": 1.5}
    assert document["machine"]["cores"] >= 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.json"]


def test_numbers_of_numpy_and_torch_are_written_as_numbers(tmp_path: Path) -> None:
    """Protects commands from having to convert; NaN and infinity, which JSON lacks, become null."""
    path = tmp_path / "out.json"
    values = {
        "scalar": np.float32(0.5),
        "integer": np.int64(3),
        "array": np.array([[1.0, np.nan], [np.inf, 2.0]]),
        "tensor": torch.tensor([1, 2]),
        1: (True, None, Path("a/b")),
    }
    results.write(path, "bench", None, values)

    assert json.loads(path.read_text())["results"] == {
        "scalar": 0.5,
        "integer": 3,
        "array": [[1.0, None], [None, 2.0]],
        "tensor": [1, 2],
        "1": [True, None, "a/b"],
    }


def test_what_json_cannot_hold_is_an_error_and_leaves_the_old_file(tmp_path: Path) -> None:
    """Protects a good file from being replaced by half of a bad one."""
    path = tmp_path / "out.json"
    path.write_text("old")
    with pytest.raises(TypeError, match="set"):
        results.write(path, "sim", None, {"bad": {1, 2}})
    assert path.read_text() == "old"


@pytest.mark.parametrize(
    ("name", "reason"), [("missing/out.json", "there is no folder"), (".", "it is a folder")], ids=["folder", "file"]
)
def test_a_path_that_cannot_be_written_is_named_before_the_run(tmp_path: Path, name: str, reason: str) -> None:
    """Protects hours of work from a mistyped --json."""
    with pytest.raises(DactylError, match=reason):
        results.check_writable(tmp_path / name)
