"""Training from rendered chunks."""

from __future__ import annotations

import csv
import dataclasses
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from dactyl.errors import DactylError
from dactyl.learning.progress import TABLE
from dactyl.vision.config import PRESETS, VisionConfig, read_preset
from dactyl.vision.estimator import Estimator
from dactyl.vision.options import VisionTrainOptions
from dactyl.vision.trainer import VisionTrainer, train


@pytest.mark.slow
def test_training_stops_and_goes_on_exactly(config: VisionConfig, tmp_path: Path) -> None:
    """Protects long trainings: stopped after any batch, the end is the same to the last bit."""
    torch.set_num_threads(1)
    outcome = VisionTrainer(config, "tiny", tmp_path / "once", "cpu", 1, resume=False).run(10.0)
    assert outcome["ended"] == "done"
    assert outcome["batches"] == 8
    half = VisionTrainer(replace(config, batches=4), "tiny", tmp_path / "twice", "cpu", 1, resume=False)
    half.config = config
    half.queue.start(0, 0)
    while half.batch < 4:
        half.step()
    half.save()
    half.queue.stop()
    VisionTrainer(config, "tiny", tmp_path / "twice", "cpu", 1, resume=True).run(10.0)
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


@pytest.mark.parametrize("decoupled", [False, True])
def test_weight_decay_is_an_l2_penalty_unless_it_is_said_to_be_decoupled(
    config: VisionConfig, tmp_path: Path, decoupled: bool
) -> None:
    """Table 11's, as Adam has it: it goes through Adam's steps, so that a weight without other gradients shrinks by
    steps of the learning rate; decoupled it would hardly shrink at all."""
    changed = dataclasses.replace(config, weight_decay=1e-3, learning_rate=1e-3, decoupled_decay=decoupled)
    trainer = VisionTrainer(changed, "tiny", tmp_path / "run", "cpu", 1, resume=False)
    weight = next(trainer.network.parameters())
    before = weight.detach().clone()
    weight.grad = torch.zeros_like(weight)
    trainer.optimizer.step()
    shrunk = (before - weight.detach()).abs().max()
    assert (shrunk > 5e-4) is not decoupled
    assert trainer.estimator.contract.renderer == "opengl"
    assert trainer.estimator.contract.trained["renderer"] == "opengl"


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
        train("cpu-small", VisionTrainOptions(out=tmp_path, minutes=1.0, device="cpu"))
    with pytest.raises(DactylError, match="there is no training in"):
        train("cpu-small", VisionTrainOptions(resume=tmp_path / "nowhere", device="cpu"))
