"""Vision test sets: what is written comes back, and what is broken is said to be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dactyl.errors import DactylError
from dactyl.recording.test_sets.dataset import FORMAT, Camera, Dataset, DatasetWriter

CAMERAS = [Camera(f"camera_{i}", 8, 6, (10.0, 0.0, 3.5, 0.0, 10.0, 2.5, 0.0, 0.0, 1.0), (0.0,) * 5) for i in range(3)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    with DatasetWriter(tmp_path / "set", "block", CAMERAS, {"source": "a test"}) as writer:
        for i, images in enumerate(random.integers(256, size=(2, 3, 6, 8, 3), dtype=np.uint8)):
            writer.add(images, np.array([0.0, 0.1, i]), np.array([0.0, 1.0, 0.0, 0.0]), 80 + i, [80, 81, 82])
    return tmp_path / "set"


def test_what_is_written_comes_back(folder: Path) -> None:
    """Protects pictures (exact, RGB order) and poses."""
    data = Dataset(folder, verify=True)
    sample = data[1]
    images = np.random.default_rng(0).integers(256, size=(2, 3, 6, 8, 3), dtype=np.uint8)
    assert len(data) == 2
    assert (sample.images == images[1]).all()
    assert sample.position.tolist() == [0.0, 0.1, 1.0]
    assert sample.stamp_ns == 81
    assert data.cameras == tuple(CAMERAS)
    assert (data.object, data.card["source"], data.card["format"]) == ("block", "a test", FORMAT)


def test_an_unfinished_set_is_none(tmp_path: Path) -> None:
    """Protects an evaluation from half a test set."""
    with pytest.raises(RuntimeError), DatasetWriter(tmp_path / "set", "block", CAMERAS):
        raise RuntimeError("interrupted")
    with pytest.raises(DactylError, match="is no vision test set"):
        Dataset(tmp_path / "set")


@pytest.mark.parametrize("existed", [True, False])
def test_an_unfinished_set_does_not_block_the_next_try(tmp_path: Path, existed: bool) -> None:
    """Protects who tries again: nothing is left of a set without samples, or with a picture of another size."""
    folder = tmp_path / "set"
    if existed:
        folder.mkdir()
    wrong = [np.zeros((1, 1, 3), np.uint8)] * len(CAMERAS)

    def fill(images: list[Any]) -> None:
        with DatasetWriter(folder, "block", CAMERAS) as writer:
            for each in images:
                writer.add(each, np.zeros(3), np.array([1.0, 0, 0, 0]), 0)

    for images in ([], [wrong]):
        with pytest.raises(DactylError):
            fill(images)
        assert folder.exists() == existed
    DatasetWriter(folder, "block", CAMERAS)


def test_nothing_is_overwritten(folder: Path) -> None:
    """Protects what is already there."""
    with pytest.raises(DactylError, match="exists and is not empty"):
        DatasetWriter(folder, "block", CAMERAS)


def _break_format(folder: Path) -> None:
    card = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps({**card, "format": "dactyl-vision-dataset/9"}))


def _break_quaternion(folder: Path) -> None:
    arrays = dict(np.load(folder / "samples.npz"))
    np.savez(folder / "samples.npz", **{**arrays, "quaternion": 2 * arrays["quaternion"]})


def _swap_pictures(folder: Path) -> None:
    first, second = (folder / "images" / f"0000{i}_camera_0.png" for i in range(2))
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "dataset.json").write_text("{"), "is not JSON"),
        (_break_format, "dactyl-vision-dataset/9"),
        (_break_quaternion, "unit length"),
        (lambda folder: (folder / "samples.npz").write_bytes(b"PK"), "cannot read"),
        (lambda folder: (folder / "images" / "00001_camera_2.png").unlink(), "1 pictures are missing"),
        (_swap_pictures, "have changed"),
    ],
)
def test_damage_is_named(folder: Path, damage: Callable[[Path], object], message: str) -> None:
    """Protects the meaning of an evaluation's figures."""
    damage(folder)
    with pytest.raises(DactylError, match=message):
        Dataset(folder, verify=True)
