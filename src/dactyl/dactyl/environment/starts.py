"""Initial states: the object placed on the palm in a random orientation, then 100 random actions (appendix C.1).

A pool of states that survived this feeds the resets of an environment, and is renewed while the environment runs. Each
state comes with the physics it was made in, so that an episode keeps one set of physical parameters from the start.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dactyl.environment.randomization.random import Random
from dactyl.simulation.model_fields import PhysicsFactors
from dactyl.simulation.physics import PhysicsState


class StartPool:
    """A ring of initial states; everything on the device, without synchronisation."""

    def __init__(self, capacity: int, state: PhysicsState, factors: PhysicsFactors) -> None:
        self.capacity = capacity
        # one row more: rows of environments that dropped the object are written there, where nobody reads
        self._rows = [field.new_zeros(capacity + 1, *field.shape[1:]) for field in (*state, *factors)]
        self._split = len(state)
        self._written = torch.zeros((), dtype=torch.int64, device=state.qpos.device)

    def __len__(self) -> int:
        """How many states there are (synchronises)."""
        return min(int(self._written), self.capacity)

    def clear(self) -> None:
        """Forget all states."""
        self._written.zero_()

    def add(self, keep: Tensor, state: PhysicsState, factors: PhysicsFactors) -> None:
        """Store the rows where keep (M,) is true over the oldest ones."""
        rank = self._written + keep.cumsum(0) - 1
        slots = torch.where(keep, rank % self.capacity, self.capacity)
        for rows, values in zip(self._rows, (*state, *factors), strict=True):
            rows[slots] = values
        self._written += keep.sum()

    def take(self, indices: Tensor) -> tuple[PhysicsState, PhysicsFactors]:
        """The stored rows with these indices (N,)."""
        rows = [row[indices] for row in self._rows]
        return PhysicsState(*rows[: self._split]), PhysicsFactors(*rows[self._split :])

    def draw(self, count: int, random: Random) -> tuple[PhysicsState, PhysicsFactors]:
        """That many states, drawn with replacement from a full pool."""
        return self.take(random.integers(self.capacity, count))

    def state_dict(self) -> dict[str, Tensor]:
        return {**{str(i): rows.clone() for i, rows in enumerate(self._rows)}, "written": self._written.clone()}

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        for i, rows in enumerate(self._rows):
            rows.copy_(tensors[str(i)])
        self._written.copy_(tensors["written"])
