"""How far a policy asks its targets to move in one control step: what a driver's limits have to leave room for."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

PERCENTILES = (50.0, 95.0, 99.0, 99.9)


class Motion:
    """Collects the steps of trials that still run."""

    def __init__(self) -> None:
        self._steps: list[Tensor] = []

    def add(self, motion: Tensor, running: Tensor) -> None:
        """Motions (N, A), rad, of one control step; those of environments where running (N,) is true count."""
        self._steps.append(motion[running].abs().cpu())

    def summary(self) -> dict[str, float]:
        """Degrees per control step over all actuators and steps: mean, percentiles, the largest."""
        degrees = np.degrees(torch.cat(self._steps).flatten().numpy())
        values = {f"p{p:g}": float(v) for p, v in zip(PERCENTILES, np.percentile(degrees, PERCENTILES), strict=True)}
        return {"mean": float(degrees.mean()), **values, "max": float(degrees.max())}


def as_text(summary: dict[str, float]) -> str:
    """The summary for people."""
    return (
        f"  targets moved per step: {summary['mean']:.1f}° on average, 95 % less than {summary['p95']:.0f}°, "
        f"99.9 % less than {summary['p99.9']:.0f}°, at most {summary['max']:.0f}°"
    )
