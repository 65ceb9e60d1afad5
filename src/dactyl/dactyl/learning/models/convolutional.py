"""An encoder of images, for policies that see some beside their vector of numbers."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

STRIDE = 2  # of every layer: each halves the image


class Encoder(nn.Module):
    """Convolutions with ReLU, their last picture laid out as a vector."""

    def __init__(self, shape: tuple[int, int, int], channels: tuple[int, ...]) -> None:
        """For images of shape (channels, height, width), with a layer for each of `channels`."""
        super().__init__()
        self.shape = shape
        widths = [shape[0], *channels]
        self.layers = nn.ModuleList(nn.Conv2d(a, b, 3, STRIDE, padding=1) for a, b in pairwise(widths))
        height, width = (-(-side // STRIDE ** len(channels)) for side in shape[1:])
        self.features = widths[-1] * height * width

    def forward(self, images: Tensor) -> Tensor:
        """Images (..., *shape), numbers of about 1 -> features (..., features)."""
        features = images.flatten(0, -4)
        for layer in self.layers:
            features = torch.relu(layer(features))
        return features.flatten(1).unflatten(0, images.shape[:-3])
