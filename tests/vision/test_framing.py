"""How small a picture still shows the object."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dactyl.simulation.appearance import Appearance
from dactyl.simulation.appearance.opengl import OpenGLRenderer
from dactyl.simulation.appearance.studio_scene import make_studio
from dactyl.vision import framing
from dactyl.vision.keypoints import project
from tests.vision.conftest import random_states


def test_the_crop_reaches_the_farthest_corner() -> None:
    """Protects whoever takes the crop: by hand, for two cameras and four moments."""
    corners = np.zeros((4, 2, 8, 2))
    corners[0, 0, 3] = [0.2, -0.5]
    corners[1, 1, 0] = [-0.7, 0.1]
    corners[2, 0, 7] = [0.3, 0.3]
    corners[3, 1, 1] = [1.4, 0.0]
    found = framing.summarize(corners, np.array([True, True, True, False]), 1.0, ("left", "right"))
    assert (found["crop"], found["crop_in_play"]) == (1.4, 0.7)
    assert found["camera"]["left"]["crop"] == 0.5
    assert found["camera"]["right"]["right"] == pytest.approx((-0.7 + 1.4) / 8 / 4)
    assert framing.summarize(corners, np.ones(4, bool), 0.0, ("left", "right"))["crop"] == pytest.approx(0.3)


def test_a_crop_of_that_size_shows_it_all(states_folder: Path) -> None:
    """Protects the geometry: with the proposed crop all corners are inside, and with the whole picture farther in."""
    found = framing.measure(states_folder, 1.0, 32)
    assert 0.1 < found["crop"] < 1.0
    assert set(found["camera"]) == {"camera_0", "camera_1", "camera_2"}
    assert max(row["crop"] for row in found["camera"].values()) == pytest.approx(found["crop"])
    studio = make_studio(palettes=1)
    random = np.random.default_rng(0)
    qpos, looks = random_states(4).astype(float), [Appearance().sample(random) for _ in range(4)]
    points = studio.scene.object.keypoints
    whole, cut = (project(studio, qpos, looks, crop, points).places for crop in (1.0, 0.5))
    np.testing.assert_allclose(whole, 0.5 * cut, atol=1e-9)
    assert "camera_2: crop" in framing.as_text(found)


def test_the_object_is_where_its_corners_are() -> None:
    """Protects from a mirrored or swapped axis: the pixels that change when the object goes are within its corners."""
    studio = make_studio(palettes=1)
    qpos = np.tile(studio.scene.model.qpos0, (2, 1))
    qpos[:, 26] += 0.05  # above the fingers
    qpos[1, 24:27] = [0.0, 0.0, -5.0]
    looks = [Appearance().sample(np.random.default_rng(0))] * 2
    with OpenGLRenderer(studio, 128, 0.7) as renderer:
        with_it, without = renderer.render(qpos, looks).astype(int)
    corners = project(studio, qpos[:1], looks[:1], 0.7, studio.scene.object.keypoints).places[0]
    for camera in range(3):
        rows, columns = np.nonzero(np.abs(with_it[camera] - without[camera]).max(-1) > 40)
        across = (2.0 * np.stack([columns, rows], 1) + 1.0) / 128 - 1.0
        assert len(across) > 50
        assert (across > corners[camera].min(0) - 0.03).all()
        assert (across < corners[camera].max(0) + 0.03).all()
