"""Table 6."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.recording.test_sets.dataset import Camera, Dataset, DatasetWriter
from dactyl.simulation.scene import build
from dactyl.vision import evaluation, sources
from dactyl.vision.emulated_camera import EmulatedCamera
from dactyl.vision.estimator import Contract, Estimate, Estimator
from dactyl.vision.evaluation import Samples
from dactyl.vision.options import ErrorOptions
from dactyl.vision.states import load, object_poses
from tests.vision.conftest import TINY


class Offset(Estimator):
    """Estimates that are wrong by a known amount."""

    def __init__(self, samples: Samples, position: np.ndarray, turn: np.ndarray) -> None:
        super().__init__(Contract(architecture=TINY))
        self.position, self.orientation = samples.position + position, quaternion.multiply(turn, samples.orientation)
        self.given = 0

    def estimate(self, pictures: np.ndarray | torch.Tensor) -> Estimate:
        rows = slice(self.given, self.given + len(pictures))
        self.given += len(pictures)
        return Estimate(self.position[rows], self.orientation[rows], np.ones(len(pictures)))


@pytest.fixture
def samples() -> Samples:
    random = np.random.default_rng(0)
    orientation = quaternion.uniform(random.normal(size=(50, 4)))
    seen = np.linspace(0.3, 1.0, 50)[:, None].repeat(3, 1)
    pictures = random.integers(0, 255, (50, 3, 48, 48, 3), np.uint8)
    return Samples(pictures, random.normal(size=(50, 3)), orientation, seen)


def test_known_errors_are_found(samples: Samples) -> None:
    """Protects every figure that is reported."""
    turn = quaternion.from_rotation_vector(np.tile([0.0, 0.0, 0.2], (50, 1)))
    judged = Offset(samples, np.array([0.003, 0.0, -0.004]), turn)
    summary = evaluation.summarize(samples, evaluation.errors(judged, samples))
    assert summary["samples"] == 50
    assert summary["rotation_deg"]["mean"] == pytest.approx(np.degrees(0.2))
    assert summary["position_mm"]["p95"] == pytest.approx(5.0)
    assert summary["position_mm"]["std"] == pytest.approx(0.0, abs=1e-9)
    axes = summary["by_axis"]
    assert [round(axes[axis]["position_mm"]["mean"], 6) for axis in "xyz"] == [3.0, 0.0, -4.0]
    assert axes["z"]["rotation_deg"]["mean"] == pytest.approx(np.degrees(0.2))
    assert axes["x"]["rotation_deg"]["mean_absolute"] == pytest.approx(0.0, abs=1e-6)
    shares = summary["by_share_seen"]
    assert sum(values["samples"] for values in shares.values()) == 50
    assert set(shares) == {"below 50%", "50% to 80%", "80% and more"}
    text = evaluation.as_text({"training": summary})
    assert "11.46° ± 0.00" in text
    assert "5.00 mm ± 0.00" in text


def test_the_worst_cases_are_drawn(samples: Samples, tmp_path: Path) -> None:
    """Protects the look at what goes wrong."""
    turn = quaternion.from_rotation_vector(np.linspace(0, 1, 50)[:, None] * [1.0, 0.0, 0.0])
    found = evaluation.errors(Offset(samples, np.zeros(3), turn), samples)
    evaluation.draw_worst(samples, found, tmp_path / "worst.png")
    sheet = cv2.imread(str(tmp_path / "worst.png"))
    assert sheet.shape == (6 * (24 + 96), 3 * 96, 3)
    np.testing.assert_array_equal(sheet[24:120:2, :96:2, ::-1], samples.pictures[49, 0])
    with pytest.raises(DactylError, match="cannot write"):
        evaluation.draw_worst(samples, found, tmp_path / "nowhere" / "worst.png")


def test_recorded_test_sets_are_cut_like_live_images(tmp_path: Path) -> None:
    """Protects the third row: pictures of real cameras, whatever the order they were stored in."""
    random = np.random.default_rng(0)
    names = ("camera_2", "camera_0", "camera_1")
    cameras = [Camera(name, 160, 120, (1.0,) * 9) for name in names]
    images = random.integers(0, 255, (2, 3, 120, 160, 3), np.uint8)
    with DatasetWriter(tmp_path / "set", "block", cameras) as writer:
        for shown in images:
            writer.add(shown, np.array([0.0, -0.05, 0.35]), np.array([1.0, 0.0, 0.0, 0.0]), 0)
    torch.manual_seed(0)
    estimator = Estimator(Contract(architecture=TINY))
    estimator.network.eval()
    samples = evaluation.recorded_samples(estimator, Dataset(tmp_path / "set"))
    assert samples.seen is None
    np.testing.assert_array_equal(samples.pictures[1, 0], estimator.cut(images[1, 1]))
    assert evaluation.summarize(samples, evaluation.errors(estimator, samples))["samples"] == 2
    other = Estimator(Contract(architecture=TINY, object="sphere"))
    with pytest.raises(DactylError, match="the test set shows the object block, not sphere"):
        evaluation.recorded_samples(other, Dataset(tmp_path / "set"))


def test_a_recorded_test_set_may_be_seen_through_an_emulated_camera(tmp_path: Path) -> None:
    """Protects the row's name: it is beside the recorded one, not in its place, and the same with the same seed."""
    random = np.random.default_rng(0)
    cameras = [Camera(f"camera_{i}", 160, 120, (1.0,) * 9) for i in range(3)]
    with DatasetWriter(tmp_path / "set", "block", cameras) as writer:
        for shown in random.integers(60, 200, (2, 3, 120, 160, 3), np.uint8):
            writer.add(shown, np.array([0.0, -0.05, 0.35]), np.array([1.0, 0.0, 0.0, 0.0]), 0)
    torch.manual_seed(0)
    file = tmp_path / "estimator.safetensors"
    Estimator(Contract(architecture=TINY)).save(file)
    options = ErrorOptions(file, dataset=(tmp_path / "set",), out=tmp_path / "out", emulated_camera=True)
    rows = evaluation.evaluate(options)
    assert list(rows) == ["set", "set-emulated-camera"]
    assert "camera" not in rows["set"]
    assert rows["set-emulated-camera"]["camera"]["noise"] == EmulatedCamera().noise
    assert rows["set"]["rotation_deg"] != rows["set-emulated-camera"]["rotation_deg"]
    assert (tmp_path / "out" / "worst-set-emulated-camera.png").is_file()
    assert evaluation.evaluate(options) == rows


def test_an_emulated_camera_needs_whole_images(tmp_path: Path) -> None:
    with pytest.raises(DactylError, match="emulated_camera: name a --dataset"):
        evaluation.evaluate(ErrorOptions(emulated_camera=True, out=tmp_path))


def test_rendered_samples_come_from_states_not_trained_on(states_folder: Path) -> None:
    """Protects the first row, and that what is hidden is measured."""
    estimator = Estimator(Contract(architecture=TINY))
    samples = evaluation.rendered_samples(estimator, load(states_folder), 4, 0, "training")
    assert samples.pictures.shape == (4, 3, 48, 48, 3)
    assert samples.seen is not None
    assert samples.seen.shape == (4, 3)
    assert 0.5 < samples.seen.mean() <= 1.0, "at rest the hand hides little"


def test_poses_may_be_as_they_were_played(states_folder: Path) -> None:
    """Protects the figure on a policy's own states; augmented ones are at first."""
    estimator = Estimator(Contract(architecture=TINY))
    states = load(states_folder)
    unseen = object_poses(build(states.recipe.scene), states.qpos[-3:])
    played = evaluation.rendered_samples(estimator, states, 4, 0, "training", poses="played", fitting=True)
    assert played.seen is None
    distances = np.linalg.norm(played.position[:, None] - unseen.position[None], axis=2)
    assert distances.min(1).max() < 1e-6
    assert len(np.unique(played.position, axis=0)) == 1, "fitted on the first half of three"


@pytest.mark.parametrize(("trained", "own", "other"), [
    ({}, "opengl", "raytracer"), ({"renderer": "opengl"}, "opengl", "raytracer"),
    ({"renderer": "raytracer"}, "raytracer", "opengl"),
])  # fmt: skip
def test_the_renderer_trained_on_is_never_called_held_out(trained: dict[str, str], own: str, other: str) -> None:
    """Protects the sim-to-sim figure of an estimator that was trained on the ray tracer, as the paper preset's is."""
    estimator = Estimator(Contract(architecture=TINY, trained=trained))
    assert sources.renderer_of(estimator, "training") == own
    assert sources.renderer_of(estimator, "held-out") == other


def test_a_second_renderer_that_was_trained_on_is_not_held_out() -> None:
    """Protects the word held-out: an estimator that has seen some ray traced pictures has nothing held out."""
    both = Estimator(Contract(architecture=TINY, trained={"renderer": "opengl", "also_rendered_by": "raytracer"}))
    one = Estimator(Contract(architecture=TINY))
    assert sources.sources_of(both) == ("training", "second")
    assert sources.sources_of(one) == ("training", "held-out")
    assert sources.renderer_of(both, "second") == "raytracer"
    with pytest.raises(DactylError, match="opengl and raytracer: there is no renderer that is held-out"):
        sources.renderer_of(both, "held-out")
    with pytest.raises(DactylError, match="there is no renderer that is second; choose training or held-out"):
        sources.renderer_of(one, "second")


def test_an_unknown_renderer_has_no_role() -> None:
    estimator = Estimator(Contract(architecture=TINY, trained={"renderer": "unity"}))
    with pytest.raises(DactylError, match="trained on pictures of 'unity'"):
        sources.renderer_of(estimator, "training")
