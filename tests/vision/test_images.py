"""From camera images to the network's input."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dactyl.errors import DactylError
from dactyl.vision.images import ImageAugmentation, cut, normalize


def test_the_middle_is_cut_out_whatever_the_cameras_resolution() -> None:
    """Protects the geometry that the network was trained with."""
    for height in (480, 240):
        width = height * 4 // 3
        image = np.zeros((height, width, 3), np.uint8)
        side = round(0.7 * height)
        top, left = (height - side) // 2, (width - side) // 2
        image[top : top + side, left : left + side] = 200
        image[top : top + side // 2, left : left + side // 2, 0] = 50
        picture = cut(image, 0.7, 96)
        assert picture.shape == (96, 96, 3)
        assert picture[5:-5, 5:-5, 1:].min() >= 195, "nothing from outside the square"
        assert abs(int(picture[20, 20, 0]) - 50) < 5 < abs(int(picture[20, 70, 0]) - 50)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((480, 480, 3), "480 × 480 pixels is not 4 : 3"),
        ((60, 80, 3), "too small"),
        ((480, 640), "is not RGB"),
        ((0,), "is not RGB"),
        ((480, 640, 4), "is not RGB"),
    ],
)
def test_images_of_a_wrong_shape_are_refused(shape: tuple[int, ...], message: str) -> None:
    """Protects from confident poses out of another camera's images."""
    with pytest.raises(DactylError, match=message):
        cut(np.zeros(shape, np.uint8), 0.7, 96)


def test_every_image_is_normalized_by_itself() -> None:
    """Protects appendix C.2: zero mean, unit variance; the exposure does not matter."""
    images = torch.randint(0, 256, (2, 3, 8, 8, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    values = normalize(images)
    assert values.shape == (2, 3, 3, 8, 8)
    torch.testing.assert_close(values.mean((-1, -2, -3)), torch.zeros(2, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(values.std((-1, -2, -3), correction=0), torch.ones(2, 3))
    dimmer = normalize((images // 2 * 2).to(torch.uint8) // 2)
    torch.testing.assert_close(dimmer, normalize(images // 2 * 2), atol=1e-4, rtol=0)
    assert normalize(torch.full((1, 4, 4, 3), 7, dtype=torch.uint8)).abs().max() == 0.0


def test_contrast_and_noise_stay_in_table_9() -> None:
    """Protects the ranges: contrast 50 % to 150 %, one for each image, and noise of 10 % on each pixel."""
    images = torch.ones(400, 3, 6, 6)
    changed = ImageAugmentation(noise=0.0).apply(images, torch.Generator().manual_seed(0))
    contrast = changed[:, 0, 0, 0]
    assert (changed == contrast[:, None, None, None]).all()
    assert 0.5 <= contrast.min() < 0.52
    assert 1.48 < contrast.max() <= 1.5
    noise = ImageAugmentation(contrast=(1.0, 1.0)).apply(images, torch.Generator().manual_seed(0)) - images
    assert abs(float(noise.std()) - 0.1) < 0.002
