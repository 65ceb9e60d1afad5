"""ResNet-18 (He et al. 2016) with GroupNorm in place of BatchNorm, for depth images: the encoder of Chi et al. 2023."""

from __future__ import annotations

import torch
from torch import Tensor, nn

STAGES = (64, 128, 256, 512)
"""Channels; each stage has two blocks, and all but the first halve the picture."""
PER_GROUP = 16
"""Channels that are normalized together (Chi et al.)."""
FEATURES = STAGES[-1]


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(channels // PER_GROUP, channels)


class Block(nn.Module):
    """Two 3 × 3 convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.first_norm = _norm(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = _norm(outputs)
        same = inputs == outputs and stride == 1
        shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), _norm(outputs))
        self.shortcut = nn.Identity() if same else shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.first_norm(self.first(x)))
        return torch.relu(self.second_norm(self.second(y)) + self.shortcut(x))


class ResNet18(nn.Module):
    """Images (n, channels, height, width) -> features (n, 512), the last maps' means."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        width = STAGES[0]
        self.stem = nn.Conv2d(channels, width, 7, 2, padding=3, bias=False)
        self.stem_norm = _norm(width)
        blocks: list[nn.Module] = []
        for number, outputs in enumerate(STAGES):
            blocks += [Block(width, outputs, 1 if number == 0 else 2), Block(outputs, outputs, 1)]
            width = outputs
        self.blocks = nn.Sequential(*blocks)

    def forward(self, images: Tensor) -> Tensor:
        x = torch.relu(self.stem_norm(self.stem(images)))
        x = nn.functional.max_pool2d(x, 3, 2, padding=1)
        return self.blocks(x).mean((-2, -1))
