"""What an emulated camera does to an image, one thing at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dactyl.errors import DactylError
from dactyl.vision.emulated_camera import EmulatedCamera

PERFECT: dict[str, Any] = {"exposure": (1.0, 1.0), "blur": 0.0, "noise": 0.0, "quality": (100, 100)}
GREY = np.full((120, 160, 3), 128, np.uint8)


def edge() -> np.ndarray:
    """Dark on the left, light on the right."""
    image = np.full((120, 160, 3), 50, np.uint8)
    image[:, 80:] = 200
    return image


def taken(image: np.ndarray, seed: int = 0, **changes: Any) -> np.ndarray:
    return EmulatedCamera(**{**PERFECT, **changes}).take(image, np.random.default_rng(seed))


def test_a_perfect_camera_changes_next_to_nothing() -> None:
    shown = taken(edge())
    assert (shown.shape, shown.dtype) == ((120, 160, 3), np.uint8)
    assert np.abs(shown.astype(int) - edge()).max() <= 3, "JPEG at its best"


def test_colours_keep_their_order() -> None:
    """Protects red from becoming blue on the way through the compression."""
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 200
    assert taken(red).reshape(-1, 3).mean(0) == pytest.approx([200.0, 0.0, 0.0], abs=6.0)


def test_exposure_is_a_factor_and_white_is_white() -> None:
    assert taken(GREY, exposure=(0.5, 0.5)).mean() == pytest.approx(64.0, abs=1.0)
    assert taken(GREY, exposure=(4.0, 4.0)).min() >= 253


def test_blur_washes_an_edge_out() -> None:
    steps = [np.abs(np.diff(taken(edge(), blur=blur)[60, :, 0].astype(int))).max() for blur in (0.0, 5.0)]
    assert steps[0] > 140
    assert steps[1] < 0.7 * steps[0]


def test_noise_grows_with_the_root_of_the_light() -> None:
    weights = np.array([0.299, 0.587, 0.114])  # of brightness, which compression leaves at full resolution
    dark, grey = ((taken(np.full_like(GREY, level), noise=4.0) @ weights).std() for level in (32, 128))
    assert grey == pytest.approx(4.0 * np.linalg.norm(weights), rel=0.15)
    assert dark == pytest.approx(0.5 * grey, rel=0.25)


def test_compression_loses_detail() -> None:
    image = np.random.default_rng(1).integers(0, 255, (64, 64, 1), np.uint8).repeat(3, axis=2)
    lost = [np.abs(taken(image, quality=(q, q)).astype(int) - image).mean() for q in (100, 20)]
    assert lost[1] > 5.0 * lost[0]


def test_the_same_seed_takes_the_same_image() -> None:
    camera = EmulatedCamera()
    images = [camera.take(edge(), np.random.default_rng(seed)) for seed in (3, 3, 4)]
    np.testing.assert_array_equal(images[0], images[1])
    assert (images[0] != images[2]).any()


@pytest.mark.parametrize(
    "changes",
    [
        {"exposure": (0.0, 1.0)}, {"exposure": (1.2, 1.0)}, {"exposure": (1.0, float("nan"))}, {"blur": -1.0},
        {"noise": float("nan")}, {"quality": (0, 50)}, {"quality": (90, 50)}, {"quality": (50, 101)},
    ],
)  # fmt: skip
def test_what_no_camera_does_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(DactylError, match="emulated camera: exposure"):
        EmulatedCamera(**changes)
