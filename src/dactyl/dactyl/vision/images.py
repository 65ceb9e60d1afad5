"""From camera images to the network's input, and what Table 9 does to finished images."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from dactyl.errors import DactylError

ASPECT = 640 / 480
"""Width by height of the cameras' images (appendix B.3)."""
MIN_DEVIATION = 1.0  # grey levels: an image that varies less shows nothing


def cut(image: np.ndarray, crop: float, size: int) -> np.ndarray:
    """The square in the middle of a camera image, as the network takes it.

    Args:
        image: (height, width, 3) uint8 RGB.
        crop: side of the square as a share of the image's height.
        size: pixels of a side of the result.

    Returns:
        (size, size, 3) uint8 RGB.

    Raises:
        DactylError: the image is of another shape than cameras send, or too small.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise DactylError(f"an image of shape {image.shape} and type {image.dtype} is not RGB with 8 bits a colour")
    height, width = image.shape[:2]
    side = round(crop * height)
    if abs(width - ASPECT * height) > 1.0:
        raise DactylError(f"an image of {width} × {height} pixels is not 4 : 3")
    if side < size:
        raise DactylError(f"an image of {width} × {height} pixels is too small: its height must be {size / crop:.0f}")
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    return cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA)


def normalize(images: Tensor) -> Tensor:
    """Each image with zero mean and unit variance over all its pixels and colours (appendix C.2).

    Args:
        images: (..., size, size, 3) uint8.

    Returns:
        (..., 3, size, size) float32, channels last in memory; zero where an image shows nothing.
    """
    values = images.to(torch.float32)
    deviation, mean = torch.std_mean(values, dim=(-1, -2, -3), correction=0, keepdim=True)
    return ((values - mean) / deviation.clamp(min=MIN_DEVIATION)).movedim(-1, -3)


@dataclass(frozen=True)
class ImageAugmentation:
    """Table 9: what is done to normalized images while training."""

    contrast: tuple[float, float] = (0.5, 1.5)
    noise: float = 0.1
    """Standard deviation of Gaussian noise on every pixel, of the unit variance: "10 %"."""

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Normalized images (n, 3, size, size), each with its own contrast, plus noise."""
        low, high = self.contrast
        contrast = torch.rand(len(images), 1, 1, 1, generator=generator, device=images.device) * (high - low) + low
        return images * contrast + self.noise * _normal(images, generator)


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    """Normal numbers in an array's shape. On a CPU NumPy draws them, which takes it a third of torch's time."""
    if like.device.type != "cpu":
        return torch.empty_like(like).normal_(generator=generator)
    random = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
    drawn = random.standard_normal(like.movedim(-3, -1).shape, dtype=np.float32)
    return torch.from_numpy(drawn).movedim(-1, -3)
