"""Random numbers on the environment's device, from one seeded generator whose state can be saved."""

from __future__ import annotations

from math import inf, log

import torch
from torch import Tensor

from dactyl.errors import DactylError


class Random:
    """Draws float32 tensors of the given shapes."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self.device = device
        self.generator = torch.Generator(device).manual_seed(seed)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, device=self.device)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(shape, generator=self.generator, device=self.device)

    def loguniform(self, low: float, high: float, *shape: int) -> Tensor:
        return torch.exp(self.uniform(log(low), log(high), *shape))

    def exponential(self, *shape: int) -> Tensor:
        """Mean 1."""
        return torch.empty(shape, device=self.device).exponential_(generator=self.generator)

    def chance(self, probability: float | Tensor, *shape: int) -> Tensor:
        """Bool, true with that probability."""
        return torch.rand(shape, generator=self.generator, device=self.device) < probability

    def integers(self, high: int, *shape: int) -> Tensor:
        """int64 in [0, high)."""
        return torch.randint(high, shape, generator=self.generator, device=self.device)


def check_range(name: str, low: float, high: float) -> None:
    """Refuse an impossible range of a positive quantity.

    Raises:
        DactylError: not 0 < low <= high < infinity.
    """
    if not 0 < low <= high < inf:
        raise DactylError(f"randomization {name}: impossible range [{low}, {high}]")


def check_amount(name: str, amount: float, most: float = inf) -> None:
    """Refuse a standard deviation, duration or the like outside [0, most], infinite or NaN.

    Raises:
        DactylError: it is.
    """
    if not (0 <= amount <= most and amount < inf):
        raise DactylError(f"randomization {name}: {amount} must be a number >= 0" + f" and <= {most}" * (most < inf))


def where(mask: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """Rows of `new` where mask (N,) is true, else of `old`; any trailing dimensions."""
    return torch.where(mask.reshape(-1, *[1] * (old.ndim - 1)), new, old)
