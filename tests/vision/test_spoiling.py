"""Pictures of a broken camera."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.vision.spoiling import ANOTHER_MOMENT, COVERED, KINDS, spoil
from dactyl.vision.synchronizer import MIN_CONTRAST


@pytest.mark.parametrize("kind", KINDS)
def test_one_picture_of_each_moment_is_another(kind: str) -> None:
    """Protects fitting and judging: the camera that is said, and no other."""
    random = np.random.default_rng(0)
    pictures = random.integers(0, 255, (20, 3, 16, 16, 3), np.uint8)
    before = pictures.copy()
    changed, camera = spoil(pictures, kind, random)
    np.testing.assert_array_equal(pictures, before)
    different = (changed != pictures).any((2, 3, 4))
    np.testing.assert_array_equal(different, camera[:, None] == np.arange(3))
    assert set(camera) == {0, 1, 2}
    spoiled = changed[np.arange(20), camera]
    if kind == ANOTHER_MOMENT:
        assert all((pictures[:, c] == picture).all((1, 2, 3)).any() for picture, c in zip(spoiled, camera, strict=True))
    else:
        assert kind == COVERED
        assert (spoiled.reshape(20, -1).std(1) > MIN_CONTRAST).all(), "the synchronizer would not notice"
