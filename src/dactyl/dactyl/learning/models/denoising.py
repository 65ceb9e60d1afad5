"""From noise to a sequence of actions: the schedule, the U-Net that finds the noise, and the way back in few steps.

Squared-cosine schedule (Nichol and Dhariwal 2021), noise as the prediction, DDIM without noise of its own (Song et al.
2021), a one-dimensional U-Net whose layers are scaled and shifted by what is seen (Chi et al. 2023).
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

_GROUPS = 8
_KERNEL = 5
_STEP_FEATURES = 128
_MOST = 0.999  # of the variance that a step adds


def kept(steps: int) -> Tensor:
    """Share of the signal's variance (steps + 1,) float64 that is left after so many steps: 1 at first, then less."""
    level = torch.arange(steps + 1, dtype=torch.float64) / steps
    share = torch.cos((level + 0.008) / 1.008 * math.pi / 2).square()
    ratio = (share[1:] / share[:-1]).clamp(min=1.0 - _MOST)
    return torch.cat([torch.ones(1, dtype=torch.float64), ratio.cumprod(0)])


def noised(clean: Tensor, noise: Tensor, step: Tensor, share: Tensor) -> Tensor:
    """Actions (n, T, A) after `step` (n,) steps of noise, 1…steps; `share` is `kept`."""
    left = share[step].to(clean.dtype)[:, None, None]
    return left.sqrt() * clean + (1.0 - left).sqrt() * noise


def steps_back(steps: int, few: int) -> list[tuple[int, int]]:
    """So few steps from `steps` down to 0, each as (from, to), nearly equal."""
    levels = [round(steps * (few - i) / few) for i in range(few + 1)]
    return list(pairwise(levels))


class Denoiser(nn.Module):
    """The U-Net: noisy actions (n, T, A), steps (n,), features (n, F) -> the noise in them (n, T, A)."""

    def __init__(self, actions: int, features: int, channels: tuple[int, ...]) -> None:
        """T must be a multiple of 2 ** (len(channels) - 1)."""
        super().__init__()
        size = _STEP_FEATURES
        self.of_step = nn.Sequential(nn.Linear(size, 4 * size), nn.Mish(), nn.Linear(4 * size, size))
        condition = features + size
        widths = [actions, *channels]
        self.down = nn.ModuleList(_Pair(a, b, condition) for a, b in pairwise(widths))
        self.shrink = nn.ModuleList(nn.Conv1d(width, width, 3, 2, padding=1) for width in channels[:-1])
        self.middle = _Pair(channels[-1], channels[-1], condition)
        self.up = nn.ModuleList(_Pair(2 * b, a, condition) for a, b in reversed(list(pairwise(channels))))
        self.grow = nn.ModuleList(nn.ConvTranspose1d(width, width, 4, 2, padding=1) for width in channels[-2::-1])
        self.last = nn.Sequential(_Layer(channels[0], channels[0]), nn.Conv1d(channels[0], actions, 1))

    def forward(self, noisy: Tensor, step: Tensor, features: Tensor) -> Tensor:
        condition = torch.cat([features, self.of_step(_waves(step.to(features.dtype)))], -1)
        x, skipped = noisy.transpose(1, 2), []
        for number, pair in enumerate(self.down):
            x = pair(x, condition)
            skipped.append(x)
            if number < len(self.shrink):
                x = self.shrink[number](x)
        x = self.middle(x, condition)
        for pair, grow in zip(self.up, self.grow, strict=True):
            x = grow(pair(torch.cat([x, skipped.pop()], 1), condition))
        return self.last(x).transpose(1, 2)


class _Layer(nn.Module):
    """Convolution, GroupNorm, Mish."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(inputs, outputs, _KERNEL, padding=_KERNEL // 2)
        self.norm = nn.GroupNorm(min(_GROUPS, outputs), outputs)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.mish(self.norm(self.convolution(x)))


class _Pair(nn.Module):
    """Two layers beside a shortcut; what is seen scales and shifts the first."""

    def __init__(self, inputs: int, outputs: int, condition: int) -> None:
        super().__init__()
        self.first, self.second = _Layer(inputs, outputs), _Layer(outputs, outputs)
        self.modulation = nn.Linear(condition, 2 * outputs)
        self.shortcut = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.modulation(nn.functional.mish(condition)).unsqueeze(-1).chunk(2, 1)
        return self.second((1.0 + scale) * self.first(x) + shift) + self.shortcut(x)


def _waves(step: Tensor) -> Tensor:
    """A step (n,) as sines and cosines (n, 128) of many lengths."""
    half = _STEP_FEATURES // 2
    rates = torch.exp(-math.log(10_000.0) / (half - 1) * torch.arange(half, device=step.device, dtype=step.dtype))
    angles = step[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], -1)
