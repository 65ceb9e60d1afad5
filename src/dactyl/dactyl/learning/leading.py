"""A teacher that acts in the policy's place for stretches, so that who imitates it gets to where it is needed."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from dactyl.learning.algorithms.teacher import Teacher, shown

STRETCH = 12
"""Control steps after which it is drawn anew who acts, on average."""


class Leading:
    """Who acts in each of n environments. What the policy does wrong in its own stretches it is told to mend (DAgger,
    Ross et al. 2011)."""

    def __init__(self, teacher: Teacher, share: float, n: int, generator: torch.Generator) -> None:
        """`share` is that of the time in which the teacher acts; `generator` draws when."""
        self.teacher, self.share, self.generator = teacher, share, generator
        self.state = teacher.initial_state(n)
        """The teacher's memory, (n, state_size)."""
        self.leads = self._drawn() < share
        """(n,) bool, where the teacher acts."""

    def outputs(self, observations: Mapping[str, Tensor], own: Tensor) -> Tensor:
        """What is acted by in this control step, (n, outputs): the teacher's where it leads, else the policy's own."""
        said, self.state = self.teacher.step(shown(self.teacher, observations), self.state)
        self.leads = torch.where(self._drawn() < 1.0 / STRETCH, self._drawn() < self.share, self.leads)
        return torch.where(self.leads.unsqueeze(-1), said, own)

    def forget(self, starts: Tensor) -> None:
        """Begin anew where an episode starts, (n,) bool."""
        self.state = self.state.masked_fill(starts.unsqueeze(-1), 0.0)

    def _drawn(self) -> Tensor:
        return torch.rand(len(self.state), generator=self.generator, device=self.state.device)
