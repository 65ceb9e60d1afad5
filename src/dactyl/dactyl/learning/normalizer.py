"""Running mean and standard deviation of observations and of value targets (appendix D.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dactyl.learning.process_group import ALONE, ProcessGroup

CLIP = 5.0  # standard deviations, appendix D.1


class RunningNormalizer(nn.Module):
    """Normalizes vectors by the mean and standard deviation of everything it was shown.

    The statistics are kept in float64: counts outgrow float32 within an hour of GPU training.
    """

    mean: Tensor
    variance: Tensor
    count: Tensor

    def __init__(self, size: int, horizon: float = float("inf")) -> None:
        """Of vectors (..., size). With a finite `horizon` old samples fade once that many were seen."""
        super().__init__()
        self.horizon = horizon
        self.register_buffer("mean", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("variance", torch.ones(size, dtype=torch.float64))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))

    @property
    def std(self) -> Tensor:
        """(size,) float32, never 0."""
        return (self.variance + 1e-8).sqrt().float()

    def forward(self, x: Tensor) -> Tensor:
        """Zero mean, unit standard deviation, clipped to 5 standard deviations."""
        return ((x - self.mean.float()) / self.std).clamp(-CLIP, CLIP)

    @torch.no_grad()
    def update(self, x: Tensor, processes: ProcessGroup = ALONE) -> None:
        """Take in samples (..., size), as many from each process."""
        x = x.flatten(0, -2)
        variance, own_mean = torch.var_mean(x.double(), 0, correction=0)
        mean = processes.mean(own_mean)
        variance = processes.mean(variance + (own_mean - mean).square())
        new = len(x) * processes.size
        count = torch.clamp(self.count, max=self.horizon)
        total = count + new
        difference = mean - self.mean
        self.mean += difference * (new / total)
        between = difference.square() * (count * new / total)
        self.variance.copy_((self.variance * count + variance * new + between) / total)
        self.count.copy_(total)
