"""What every method of calibration is given: parameters from 0 to 1 in, each group's error out."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import numpy as np

from dactyl.calibration.model.replay import Replay
from dactyl.calibration.model.space import Space
from dactyl.calibration.model.windows import Group

Report = Callable[[str], None]


@dataclass
class Problem:
    """A replay of the windows that are fitted, and where parameters are sought."""

    replay: Replay
    space: Space
    seed: int = 0
    """Of whatever a method draws."""
    seconds: float = np.inf
    """After so long a method stops with what it has."""
    report: Report = print
    """Says how far it is."""
    started: float = field(default_factory=time.monotonic)

    @property
    def groups(self) -> list[Group]:
        return self.replay.groups

    @property
    def own(self) -> list[np.ndarray]:
        """Indices of each group's parameters."""
        return [self.space.of(group) for group in self.groups]

    @property
    def nominal(self) -> np.ndarray:
        """(P,) the model as it is, from 0 to 1."""
        return self.space.to_unit(self.space.nominal)

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() - self.started > self.seconds

    def errors(self, units: np.ndarray, groups: Collection[int] | None = None) -> np.ndarray:
        """Mean squared errors (K, G), rad², of parameters (K, P) from 0 to 1; of all groups or at least of these."""
        return self.replay.errors(self.space.from_unit(units), groups)

    def residuals(self, units: np.ndarray, groups: Collection[int] | None = None) -> np.ndarray:
        """(K, W, J) rad, see `Replay.residuals`."""
        return self.replay.residuals(self.space.from_unit(units), groups)

    def turns(self) -> list[dict[int, int]]:
        """One parameter of each group at a time, by the group: until each has had its turn."""
        own = self.own
        return [
            {group: int(indices[turn]) for group, indices in enumerate(own) if turn < len(indices)}
            for turn in range(max(map(len, own)))
        ]


def degrees(errors: np.ndarray) -> str:
    """Mean squared errors (G,) as one rms error in degrees."""
    return f"{np.degrees(np.sqrt(np.mean(errors))):.3f}°"
