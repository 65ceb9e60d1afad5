"""Fitting an estimator's certainty."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dactyl import objects
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.vision import agreement, doubting, evaluation
from dactyl.vision.estimator import Contract, Estimate, Estimator
from dactyl.vision.evaluation import Samples
from dactyl.vision.keypoints import points_of
from dactyl.vision.moments import halves
from dactyl.vision.options import CertaintyOptions
from tests.vision.conftest import TINY

POINTS = points_of(objects.load("block"))


class Seeing(Estimator):
    """An estimator whose pictures are numbers of moments: it knows each by heart, with an error that it is unsure of.

    A picture that no moment has makes its camera find nonsense, and the answer wrong.
    """

    def __init__(self, samples: Samples, contract: Contract | None = None) -> None:
        super().__init__(contract or Contract(architecture=TINY))
        self.samples = samples
        random = np.random.default_rng(0)
        number = len(samples.position)
        self.confidence = random.uniform(0.5, 0.98, number)
        turns = random.normal(size=(number, 3)) * (1.0 - self.confidence)[:, None]
        self.orientation = quaternion.multiply(quaternion.from_rotation_vector(turns), samples.orientation)
        axes = quaternion.to_matrix(quaternion.uniform(np.random.default_rng(1).normal(size=(3, 4))))[:, :2] / 0.07
        self.eyes = np.concatenate([axes, np.zeros((3, 2, 1))], axis=2)

    def look(self, pictures: np.ndarray | torch.Tensor) -> tuple[Estimate, np.ndarray | None]:
        numbers = np.asarray(pictures)[:, :, 0, 0, :2].astype(int) @ [256, 1]
        votes = np.sort(numbers, axis=1)[:, 1]  # the one that two cameras agree on
        known = votes % len(self.samples.position)
        odd = (numbers != votes[:, None]).any(1)
        places = np.empty((len(known), 3, len(POINTS), 2))
        for camera in range(3):
            mine = numbers[:, camera] % len(self.samples.position)
            points = agreement.placed(self.samples.position[mine], self.samples.orientation[mine], POINTS)
            places[:, camera] = agreement.predicted(self.eyes, points)[:, camera]
        position = self.samples.position[known] + 0.004 * odd[:, None]
        turn = quaternion.from_rotation_vector(0.4 * odd[:, None] * np.eye(3)[0])
        orientation = quaternion.multiply(turn, self.orientation[known])
        return self._stated(Estimate(position, orientation, self.confidence[known] - 0.3 * odd), places), places

    def _stated(self, estimate: Estimate, places: np.ndarray) -> Estimate:
        if self.contract.certainty is None:
            return estimate
        points = agreement.placed(estimate.position, estimate.orientation, POINTS)
        residuals = agreement.residuals(places, points, np.array(self.contract.certainty.cameras))
        return estimate._replace(doubt=self.contract.certainty.doubt(estimate.confidence, residuals))


def numbered(number: int, seed: int) -> Samples:
    random = np.random.default_rng(seed)
    pictures = np.zeros((number, 3, 48, 48, 3), np.uint8)
    pictures[..., 0] = (np.arange(number) // 256)[:, None, None, None]
    pictures[..., 1] = (np.arange(number) % 256)[:, None, None, None]
    position = random.normal(scale=0.02, size=(number, 3))
    return Samples(pictures, position, quaternion.uniform(random.normal(size=(number, 4))))


def test_what_is_fitted_tells_sure_from_unsure_and_good_from_spoiled() -> None:
    """Protects all of it together: stated errors are about right, spoiled pictures are noticed, their camera named."""
    samples = numbered(600, seed=3)
    plain = Seeing(samples)
    certainty = doubting.certainty_of(plain, samples, np.random.default_rng(0))
    assert np.array(certainty.cameras).shape == (3, 2, 4)
    judged = Seeing(samples, replace(plain.contract, certainty=certainty))
    found = evaluation.errors(judged, samples)
    summary = evaluation.summarize(samples, found)
    rotation = summary["certainty"]["rotation_deg"]
    assert rotation["area"] < 0.7 * rotation["random"]
    assert rotation["miscalibration"] < 0.25 * found.degrees.mean()
    rows = evaluation.spoiled(judged, samples, seed=0)
    assert rows["none"]["disagree"] < 0.1
    for kind in ("another moment", "covered"):
        assert rows[kind]["disagree"] > 0.9
        assert rows[kind]["stated_mm"] > 3.0 * rows["none"]["stated_mm"]
    assert rows["another moment"]["right_camera"] > 0.9
    assert "spoiled picture: covered" in evaluation.as_text({"training": {**summary, "spoiled": rows}})


def test_it_is_written_into_the_file_and_read_from_it(states_folder: Path, tmp_path: Path) -> None:
    """Protects the command: an untrained network's towers find nothing, so its cameras are not compared."""
    torch.manual_seed(0)
    path, out = tmp_path / "estimator.safetensors", tmp_path / "sure.safetensors"
    Estimator(Contract(architecture=TINY, position_mean=(0.0, -0.05, 0.35))).save(path)
    outcome = doubting.fit(CertaintyOptions(estimator=path, states=states_folder, samples=100, out=out))
    assert outcome["estimator"] == str(out)
    assert not outcome["cameras"]
    loaded, before = Estimator.load(out), Estimator.load(path)
    assert before.contract.certainty is None
    assert loaded.contract.certainty is not None
    assert loaded.contract.certainty.fitted["samples"] == 100
    pictures = np.random.default_rng(0).integers(0, 255, (2, 3, 48, 48, 3), np.uint8)
    ours, theirs = loaded.estimate(pictures), before.estimate(pictures)
    np.testing.assert_array_equal(ours.position, theirs.position)
    assert theirs.doubt is None
    assert ours.doubt is not None
    assert np.isfinite(ours.doubt.degrees).all()
    assert str(out) in doubting.as_text(outcome)


def test_doubts_are_judged_on_other_states_than_they_were_fitted_on() -> None:
    first, second = halves(np.arange(11))
    assert (len(first), len(second)) == (5, 6)
    assert not set(first) & set(second)


def test_the_shipped_file_is_not_written_by_oversight() -> None:
    with pytest.raises(DactylError, match="name --estimator, or --out"):
        doubting.fit(CertaintyOptions())
