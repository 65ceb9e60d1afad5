"""Rendered moments: the same again by their number, and never those that training is judged by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dactyl.vision import chunks
from dactyl.vision.config import VisionConfig
from dactyl.vision.moments import VALIDATION, MomentMaker, split
from dactyl.vision.states import load


def test_a_chunk_is_the_same_again_and_survives_the_disk(config: VisionConfig, tmp_path: Path) -> None:
    """Protects exact resuming: a chunk that is missing is rendered again, whoever does it."""
    states = load(Path(config.states))
    first, second = (MomentMaker(config, states, "cpu") for _ in range(2))
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


@pytest.mark.slow
def test_a_share_of_a_chunk_is_ray_traced(config: VisionConfig) -> None:
    """Protects the mixture: the same poses either way, the first moments to the last bit as without, validation too."""
    pytest.importorskip("mujoco_warp", reason="needs mujoco-warp")
    states = load(Path(config.states))
    mixed = replace(config, rendering=replace(config.rendering, raytracer_share=0.25))
    plain, traced = (MomentMaker(each, states, "cpu") for each in (config, mixed))
    expected, found = plain.make(0), traced.make(0)
    assert found.pictures.shape == expected.pictures.shape
    np.testing.assert_array_equal(found.position, expected.position)
    np.testing.assert_array_equal(found.keypoints.places, expected.keypoints.places)
    same = (found.pictures == expected.pictures).all((1, 2, 3, 4))
    assert same.tolist() == [True] * 12 + [False] * 4
    np.testing.assert_array_equal(traced.make(VALIDATION).pictures, plain.make(VALIDATION).pictures)
    for maker in (plain, traced):
        maker.close()


def test_validation_states_are_not_trained_on(config: VisionConfig) -> None:
    """Protects the honesty of the errors."""
    training, validation = split(load(Path(config.states)))
    assert len(training) + len(validation) == 64
    assert not (training[:, None] == validation[None]).all(-1).any()
