"""The pictures of randomized worlds: complete, and with their marks in the right place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from dactyl.environment.config import EnvironmentConfig
from dactyl.errors import DactylError
from dactyl.simulation.rendering import SceneRenderer
from dactyl.simulation.scene import build
from dactyl.tasks.reorient import showcase


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showcase, "SHEET", (1, 2))
    monkeypatch.setattr(showcase, "VIDEO", (1, 2))
    monkeypatch.setattr(
        showcase, "EnvironmentConfig", lambda **given: replace(EnvironmentConfig(**given), start_steps=3)
    )


@pytest.mark.parametrize(("object", "randomizations"), [("block", "all"), ("octagonal_prism", "none")])
def test_a_sheet_and_a_video_are_written(small: None, tmp_path: Path, object: str, randomizations: str) -> None:
    sheet, video = showcase.show(tmp_path / "new" / "folder", object, randomizations, 0.4, seed=0)
    picture = cv2.imread(str(sheet))
    assert picture.std() > 10
    reader = cv2.VideoCapture(str(video))
    assert reader.get(cv2.CAP_PROP_FRAME_COUNT) == 5
    assert reader.get(cv2.CAP_PROP_FPS) == pytest.approx(12.5)
    first, second = (reader.read()[1] for _ in range(2))
    assert first.shape == (480, 2 * 480, 3)
    assert (first != second).any()


def test_marks_are_drawn_where_the_camera_sees_the_point() -> None:
    """Against a picture: the middle of the object's pixels is where its centre is projected to."""
    scene = build()
    scene.model.geom_rgba[:, 3] = 0.0
    scene.model.geom_matid[scene.object_geom] = -1
    scene.model.geom_rgba[scene.object_geom] = [1.0, 0.0, 0.0, 1.0]
    qpos = scene.model.qpos0.copy()
    qpos[24:27] += [0.03, -0.02, 0.05]
    with SceneRenderer(scene) as renderer:
        picture = renderer.render(qpos, showcase.CAMERA).astype(int)
    rows, columns = np.nonzero(picture[..., 0] - picture[..., 1] > 20)
    column, row = showcase._project(scene, qpos[24:27], picture.shape)
    assert (columns.min() + columns.max()) / 2 == pytest.approx(column, abs=6)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(row, abs=6)


def test_captions_say_what_was_sampled() -> None:
    sampled = {
        "factors.object_size": torch.tensor([1.04]),
        "factors.masses": torch.tensor([[1.0, 0.62]]),
        "factors.friction": torch.tensor([0.91]),
        "factors.gravity": torch.tensor([[0.0, 0.0, 0.81]]),
        "timing.rate": torch.tensor([2000.0]),
        "forces.probability": torch.tensor([0.013]),
        "actuation.delayed": torch.arange(20)[None] < 7,
    }
    assert showcase.captions(sampled, 0) == [
        "size 104%  mass 62%  friction 91%",
        "gravity 9.0 m/s2, 0.0 deg off",
        "step 8.50 ms  pushes 1.3%  delayed 7 of 20",
    ]


def test_impossible_requests_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DactylError, match="unknown object 'cone'"):
        showcase.show(tmp_path, "cone", "all", 1.0, 0)
    with pytest.raises(DactylError, match="choose up to 600"):
        showcase.show(tmp_path, "block", "all", 0.0, 0)
    (tmp_path / "file").touch()
    with pytest.raises(DactylError, match="cannot write pictures"):
        showcase.show(tmp_path / "file", "block", "all", 1.0, 0)
