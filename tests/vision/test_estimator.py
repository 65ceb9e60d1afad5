"""The estimator's file is a contract."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from dactyl.errors import DactylError
from dactyl.storage import models
from dactyl.storage.contract import METADATA_KEY
from dactyl.vision.certainty import Certainty, Scale
from dactyl.vision.estimator import Contract, Estimator, joined
from tests.vision.conftest import TINY


@pytest.fixture
def estimator() -> Estimator:
    torch.manual_seed(0)
    made = Estimator(Contract(architecture=TINY, position_mean=(0.01, -0.05, 0.35), position_scale=0.03))
    made.network.eval()
    return made


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (4, 3, 48, 48, 3), np.uint8)


def test_a_file_gives_the_same_poses(estimator: Estimator, pictures: np.ndarray, tmp_path: Path) -> None:
    """Protects shipped weights."""
    path = tmp_path / "estimator.safetensors"
    estimator.save(path)
    loaded = Estimator.load(path, "block")
    assert loaded.contract == estimator.contract
    for found, expected in zip(loaded.estimate(pictures), estimator.estimate(pictures), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert models.estimator_for("block", tmp_path) == path


def test_stated_errors_are_in_the_file(estimator: Estimator, pictures: np.ndarray, tmp_path: Path) -> None:
    """Protects the node's limits: what was fitted is what is loaded; joined estimates keep it."""
    scale = Scale((1.0,), (-3.0, 0.0), (1.0, 20.0))
    sure = Estimator(replace(estimator.contract, certainty=Certainty(scale, scale)), estimator.network)
    path = tmp_path / "estimator.safetensors"
    sure.save(path)
    loaded = Estimator.load(path, "block")
    assert loaded.contract == sure.contract
    doubt = loaded.estimate(pictures).doubt
    assert doubt is not None
    assert doubt.degrees.shape == doubt.millimetres.shape == (4,)
    assert doubt.disagreement is None
    parts = joined([loaded.estimate(part) for part in (pictures[:1], pictures[1:])])
    assert parts.doubt is not None
    np.testing.assert_allclose(parts.doubt.degrees, doubt.degrees, rtol=1e-4)
    assert joined([estimator.estimate(pictures)] * 2).doubt is None


def test_poses_are_in_metres_and_unit_quaternions(estimator: Estimator, pictures: np.ndarray) -> None:
    """Protects everybody who uses them."""
    outputs = torch.zeros(1, 12)
    outputs[0, :3] = torch.tensor([1.0, -2.0, 0.0])
    outputs[0, 3:] = torch.eye(3).flatten()
    found = estimator.read(outputs)
    np.testing.assert_allclose(found.position[0], [0.04, -0.11, 0.35])
    np.testing.assert_allclose(found.orientation[0], [1, 0, 0, 0], atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(estimator.estimate(pictures).orientation, axis=1), 1.0)


def test_pictures_of_another_size_are_refused(estimator: Estimator, pictures: np.ndarray) -> None:
    """Protects from poses out of pictures the network was not made for."""
    with pytest.raises(DactylError, match="takes 3 pictures of 48 × 48 pixels, not"):
        estimator.estimate(pictures[:, :2])


def rewritten(path: Path, **changes: object) -> None:
    """The file with another contract."""
    estimator = Estimator.load(path)
    contract = {**json.loads(estimator.contract.to_json()), **changes}
    save_file(load_file(path), path, {METADATA_KEY: json.dumps(contract)})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "dactyl-policy/1"}, "not in the format dactyl-pose-estimator/1"),
        ({"object": "sphere"}, "trained for the object sphere, not block"),
        ({"cameras": ["left", "right"]}, "made for the cameras left, right, not camera_0"),
        ({"crop": 7.0}, "crop must be in"),
        ({"position_mean": [0.0, 1.0]}, "cannot be read|not enough values"),
        ({"position_scale": float("nan")}, "not finite"),
        ({"symmetry": "pyramid"}, "unknown object 'pyramid'"),
        ({"surprise": 1}, "cannot be read"),
        ({"certainty": {}}, "cannot be read"),
        ({"certainty": 5}, "cannot be read"),
    ],
)
def test_a_wrong_contract_is_refused_in_one_line(
    estimator: Estimator, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    """Protects a robot from another's weights."""
    path = tmp_path / "estimator.safetensors"
    estimator.save(path)
    rewritten(path, **changes)
    with pytest.raises(DactylError, match=message) as caught:
        Estimator.load(path, "block")
    assert str(caught.value).startswith(f"cannot use the pose estimator {path}: ")
    assert "\n" not in str(caught.value)


def test_other_files_are_refused(estimator: Estimator, tmp_path: Path) -> None:
    """Protects from half copied files, other networks' files and numbers that are none."""
    path = tmp_path / "estimator.safetensors"
    with pytest.raises(DactylError, match="there is no such file"):
        Estimator.load(path)
    estimator.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DactylError, match="not a whole safetensors file"):
        Estimator.load(path)
    tensors = {name: tensor.contiguous() for name, tensor in estimator.network.state_dict().items()}
    contract = {METADATA_KEY: estimator.contract.to_json()}
    save_file(tensors, path)
    with pytest.raises(DactylError, match="without a dactyl contract"):
        Estimator.load(path)
    save_file({**tensors, "head.bias": torch.full((12,), torch.nan)}, path, contract)
    with pytest.raises(DactylError, match=r"head.bias holds numbers that are not finite"):
        Estimator.load(path)
    save_file({**tensors, "head.bias": torch.zeros(7)}, path, contract)
    with pytest.raises(DactylError, match=r"head.bias has shape \(7,\), its contract says \(12,\)"):
        Estimator.load(path)
    del tensors["head.bias"]
    save_file(tensors, path, contract)
    with pytest.raises(DactylError, match=r"head.bias is missing"):
        Estimator.load(path)


def test_cameras_that_look_elsewhere_are_refused(estimator: Estimator, tmp_path: Path) -> None:
    """Protects from an estimator whose pictures had their middle elsewhere: files that do not say are such."""
    path = tmp_path / "estimator.safetensors"
    replaced = replace(estimator.contract, aim=(0.0, 0.0, 0.0))
    Estimator(replaced, estimator.network).save(path)
    with pytest.raises(DactylError, match="made for cameras that look"):
        Estimator.load(path)
