"""Training from rendered chunks."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from dactyl.errors import DactylError
from dactyl.vision import chunks, keypoints
from dactyl.vision.config import PRESETS, RenderingConfig, VisionConfig, read_preset
from dactyl.vision.estimator import Estimator
from dactyl.vision.states import load
from dactyl.vision.trainer import TABLE, Trainer, train
from tests.vision.conftest import TINY


@pytest.fixture
def config(states_folder: Path) -> VisionConfig:
    rendering = RenderingConfig(renderer="opengl", chunk=16, first=1, kept=2, uses=2.0, mesh_grid=0.01)
    return VisionConfig(
        states=str(states_folder), architecture=TINY, batches=8, batch=8, validation=16, validate_every=4,
        schedule="cosine", learning_rate=1e-3, keypoint_weight=1.0, rendering=rendering,
    )  # fmt: skip


def test_a_chunk_is_the_same_again_and_survives_the_disk(config: VisionConfig, tmp_path: Path) -> None:
    """Protects exact resuming: a chunk that is missing is rendered again, whoever does it."""
    states = load(Path(config.states))
    first, second = (chunks.ChunkMaker(config, states, "cpu") for _ in range(2))
    first.make(0)
    expected, again = first.make(1), second.make(1)
    chunks.write(tmp_path, 1, expected)
    for found in (again, chunks.read(tmp_path, 1)):
        for name in ("pictures", "position", "orientation"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
        np.testing.assert_array_equal(found.keypoints.places, expected.keypoints.places)
    assert len(np.unique(expected.pictures.reshape(16, -1), axis=0)) == 16
    first.close()
    second.close()


def test_validation_states_are_not_trained_on(config: VisionConfig) -> None:
    """Protects the honesty of the errors."""
    training, validation = chunks.split(load(Path(config.states)))
    assert len(training) + len(validation) == 64
    assert not (training[:, None] == validation[None]).all(-1).any()


def test_keypoints_lie_on_the_block_in_the_pictures(config: VisionConfig) -> None:
    """Protects the hint: the pixel at a side's middle has that side's colour, the same in every look and camera."""
    states = load(Path(config.states))
    maker = chunks.ChunkMaker(replace(config, architecture=replace(TINY, image_size=96)), states, "cpu")
    moments = maker.make(0)
    maker.close()
    hues: dict[int, list[float]] = {}
    for pictures, places, towards in zip(moments.pictures, *moments.keypoints, strict=True):
        for picture, spots, seen in zip(pictures, places, towards, strict=True):
            for side in range(1, keypoints.NUM_POINTS):
                right, down = np.floor((spots[side] + 1.0) / 2.0 * 96).astype(int)
                if seen[side] and 0 <= right < 96 and 0 <= down < 96:
                    red, green, blue = picture[down, right].astype(float)
                    hue = np.arctan2(np.sqrt(3) * (green - blue), 2 * red - green - blue)
                    hues.setdefault(side, []).append(hue)
    spread = [np.abs(np.exp(1j * np.array(angles)).mean()) for angles in hues.values()]
    assert len(spread) == 6
    assert np.median(spread) > 0.8, "letters and fingers hide some"


@pytest.mark.slow
def test_training_stops_and_goes_on_exactly(config: VisionConfig, tmp_path: Path) -> None:
    """Protects long trainings: stopped after any batch, the end is the same to the last bit."""
    torch.set_num_threads(1)
    outcome = Trainer(config, "tiny", tmp_path / "once", "cpu", 1, resume=False).run(10.0)
    assert outcome["ended"] == "done"
    assert outcome["batches"] == 8
    half = Trainer(replace(config, batches=4), "tiny", tmp_path / "twice", "cpu", 1, resume=False)
    half.config = config
    half.kitchen.start(0, 0)
    while half.batch < 4:
        half.step()
    half.save()
    half.kitchen.stop()
    Trainer(config, "tiny", tmp_path / "twice", "cpu", 1, resume=True).run(10.0)
    once, twice = (Estimator.load(tmp_path / name / "estimator.safetensors") for name in ("once", "twice"))
    for name, tensor in once.network.state_dict().items():
        assert torch.equal(tensor, twice.network.state_dict()[name]), name
    assert once.contract.trained["batches"] == 8
    with (tmp_path / "once" / TABLE).open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["rotation_deg"]) == pytest.approx(outcome["rotation_deg"], rel=1e-6)


def test_the_shipped_presets_are_valid() -> None:
    """Protects config/vision; the paper's numbers are Table 11's."""
    for path in PRESETS.glob("*.yaml"):
        assert isinstance(read_preset(path.stem), VisionConfig)
    paper = read_preset("paper")
    assert (paper.batch, paper.learning_rate, paper.halve_every, paper.weight_decay) == (64, 5e-4, 20_000, 1e-3)
    assert (paper.batches, paper.architecture.image_size) == (400_000, 200)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"batchs": 3}, "unknown key batchs"),
        ({"architecture": {"rotation": "euler"}}, "architecture: unknown rotation"),
        ({"rendering": {"renderer": "unity"}}, "unknown renderer 'unity'"),
        ({"schedule": "warm"}, "unknown schedule"),
        ({"batch": 0}, "batch must be at least 1"),
    ],
)
def test_wrong_presets_are_refused(values: dict[str, object], message: str, tmp_path: Path) -> None:
    """Protects from typing errors that would train something else."""
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(DactylError, match=message):
        read_preset(str(path))
    with pytest.raises(DactylError, match="there is no vision preset nothing: choose from cpu-small, paper"):
        read_preset("nothing")


def test_a_training_is_not_overwritten(tmp_path: Path) -> None:
    """Protects hours of work."""
    (tmp_path / "training.pt").write_bytes(b"")
    with pytest.raises(DactylError, match="already holds a training"):
        train("cpu-small", tmp_path, None, 1.0, "cpu", 0, 1)
    with pytest.raises(DactylError, match="there is no training in"):
        train("cpu-small", None, tmp_path / "nowhere", 1.0, "cpu", 0, 1)
