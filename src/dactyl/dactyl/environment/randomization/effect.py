"""What all effects have in common: tensors with one row per environment, redrawn when an episode starts."""

from __future__ import annotations

from torch import Tensor

from dactyl.environment.randomization.random import where


class Effect:
    """Keeps its per-environment state in public tensor attributes, so that it can be redrawn by mask, saved, loaded."""

    def redraw(self, mask: Tensor, **fresh: Tensor) -> None:
        """Take rows of the fresh values (by attribute name) where mask (N,) is true."""
        for name, values in fresh.items():
            setattr(self, name, where(mask, values, getattr(self, name)))

    def state_dict(self) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in self._rows()}

    def _rows(self) -> list[tuple[str, Tensor]]:
        return [(name, value) for name, value in vars(self).items() if isinstance(value, Tensor) and name[0] != "_"]

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        for name, value in tensors.items():
            setattr(self, name, value.clone())  # not in place: an attribute may be a tensor that somebody else holds
