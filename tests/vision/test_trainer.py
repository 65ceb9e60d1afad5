"""Training from rendered chunks."""

from __future__ import annotations

import csv
import dataclasses
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from dactyl.errors import DactylError
from dactyl.learning.progress import TABLE
from dactyl.vision.config import PRESETS, VisionConfig, read_preset
from dactyl.vision.disturbances import PictureAugmentation
from dactyl.vision.estimator import Contract, Estimator
from dactyl.vision.options import VisionTrainOptions
from dactyl.vision.trainer import VisionTrainer, train
from tests.vision.conftest import TINY

EXTRAS = {"average": 0.9, "warm_up": 3, "pictures": PictureAugmentation(colour=0.1, blur=1.0, shadows=1, cut_out=0.2)}

SOLVED = {"architecture": replace(TINY, head="adjustment")}


@pytest.mark.slow
@pytest.mark.parametrize("extras", [{}, EXTRAS, SOLVED], ids=["plain", "with all there is", "solved for"])
def test_training_stops_and_goes_on_exactly(config: VisionConfig, tmp_path: Path, extras: dict[str, Any]) -> None:
    """Protects long trainings: stopped after any batch, the end is the same to the last bit."""
    torch.set_num_threads(1)
    config = replace(config, **extras)
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


def test_what_is_compared_differs_in_one_thing() -> None:
    """Protects the comparisons: beside the base each preset changes one key, or a schedule and its own."""
    for path in (PRESETS / "compare").glob("short-*.yaml"):
        values = yaml.safe_load(path.read_text())
        assert values.pop("extends") == "short"
        assert len(values) == 1 or set(values) == {"schedule", "halve_every"}, path.name
        assert read_preset(path.stem) != read_preset("short")


def test_the_paper_s_preset_has_none_of_what_the_paper_has_not() -> None:
    paper = read_preset("paper")
    assert (paper.warm_up, paper.average, paper.initial, paper.keypoint_weight) == (0, 0.0, None, 0.0)
    assert not paper.pictures.active
    assert not paper.decoupled_decay
    assert paper.rendering.raytracer_share == 0.0


def test_the_average_is_what_is_shipped(config: VisionConfig, tmp_path: Path) -> None:
    """Protects from judging one network and shipping another; the average is between the networks it is made of."""
    trainer = VisionTrainer(replace(config, average=0.5), "tiny", tmp_path / "run", "cpu", 1, resume=False)
    assert trainer.averaged is not None
    weight = trainer.network.head.bias
    for value in (0.0, 1.0, 1.0):
        with torch.no_grad():
            weight.fill_(value)
        trainer.averaged.update_parameters(trainer.network)
    trainer.save()
    shipped = Estimator.load(tmp_path / "run" / "estimator.safetensors")
    torch.testing.assert_close(shipped.network.head.bias, torch.full_like(weight, 0.75))
    assert shipped.contract.trained["average"] == 0.5
    assert trainer.judged.network is trainer.averaged.module


def test_the_learning_rate_warms_up(config: VisionConfig, tmp_path: Path) -> None:
    trainer = VisionTrainer(replace(config, warm_up=4, schedule="halving"), "tiny", tmp_path, "cpu", 1, resume=False)
    rates = []
    for trainer.batch in range(6):
        rates.append(trainer.learning_rate())
    assert rates == pytest.approx([0.25e-3, 0.5e-3, 0.75e-3, 1e-3, 1e-3, 1e-3])


def test_a_training_begins_with_another_s_answers(config: VisionConfig, tmp_path: Path) -> None:
    """Protects `initial`: the same poses in metres, though zero and one mean other places here."""
    torch.manual_seed(5)
    path = tmp_path / "estimator.safetensors"
    Estimator(Contract(architecture=TINY, position_mean=(0.1, 0.2, 0.3), position_scale=0.5)).save(path)
    other = Estimator.load(path)
    trainer = VisionTrainer(replace(config, initial=str(path)), "tiny", tmp_path / "run", "cpu", 1, resume=False)
    trainer.network.eval()
    pictures = np.random.default_rng(0).integers(0, 255, (3, 3, 48, 48, 3), np.uint8)
    found, expected = trainer.estimator.estimate(pictures), other.estimate(pictures)
    np.testing.assert_allclose(found.position, expected.position, atol=1e-5)
    np.testing.assert_allclose(found.orientation, expected.orientation, atol=1e-6)
    assert trainer.estimator.contract.position_scale != 0.5
    larger = replace(TINY, dense=48)
    with pytest.raises(DactylError, match=r"cannot begin with .*: its architecture is"):
        VisionTrainer(
            replace(config, initial=str(path), architecture=larger), "tiny", tmp_path / "other", "cpu", 1, resume=False
        )


def test_the_shipped_presets_are_valid() -> None:
    """Protects config/vision; the paper's numbers are Table 11's."""
    for path in PRESETS.rglob("*.yaml"):
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
        ({"average": 1.0}, "average must be in"),
        ({"warm_up": -1}, "warm_up must be at least 0"),
        ({"pictures": {"blur": 9.0}}, "pictures: colour 0.0 must be in"),
        ({"rendering": {"raytracer_share": 0.1}}, "raytracer_share 0.1 must be in"),
    ],
)
def test_wrong_presets_are_refused(values: dict[str, object], message: str, tmp_path: Path) -> None:
    """Protects from typing errors that would train something else."""
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(DactylError, match=message):
        read_preset(str(path))
    with pytest.raises(DactylError, match="no vision preset nothing: choose from cpu, cpu-longer, cpu-small, lab"):
        read_preset("nothing")


def test_a_training_is_not_overwritten(tmp_path: Path) -> None:
    """Protects hours of work."""
    (tmp_path / "training.pt").write_bytes(b"")
    with pytest.raises(DactylError, match="already holds a training"):
        train("cpu-small", VisionTrainOptions(out=tmp_path, minutes=1.0, device="cpu"))
    with pytest.raises(DactylError, match="there is no training in"):
        train("cpu-small", VisionTrainOptions(resume=tmp_path / "nowhere", device="cpu"))
