"""Raw readings → joint angles, piecewise linear between truth points (appendix B.5).

Most joints have a curve over their own sensor. Two sensors that feel each other's magnet share a surface: the thumb's
THJ1 and THJ2 in the files that come with Shadow's hands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.spatial import Delaunay, QhullError


@dataclass(frozen=True)
class Curve:
    """One joint's raw readings and angles at its truth points."""

    raw: np.ndarray
    """(k,) increasing"""
    angles: np.ndarray
    """(k,) rad"""

    def weights(self, raw: np.ndarray) -> np.ndarray:
        """(n, k): angles = weights @ self.angles, for readings (n,); outside the truth points the end pieces go on."""
        piece = np.clip(np.searchsorted(self.raw, raw) - 1, 0, len(self.raw) - 2)
        share = (raw - self.raw[piece]) / (self.raw[piece + 1] - self.raw[piece])
        weights = np.zeros((len(raw), len(self.raw)))
        rows = np.arange(len(raw))
        weights[rows, piece] = 1.0 - share
        weights[rows, piece + 1] = share
        return weights

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        """Angles (n,), rad, of readings (n,)."""
        return self.weights(raw) @ self.angles


@dataclass(frozen=True)
class Surface:
    """One joint's angles over the raw readings of two sensors, as Shadow's driver has them: over triangles."""

    raw: np.ndarray
    """(k, 2), not all on one line"""
    angles: np.ndarray
    """(k,) rad"""
    sensors: tuple[str, str] = field(default=("THJ1", "THJ2"))
    """The joints whose raw readings these are."""

    @cached_property
    def _triangles(self) -> Delaunay:
        return Delaunay(self._unit(self.raw))

    def _unit(self, raw: np.ndarray) -> np.ndarray:
        """Both readings in parts of their range, so that triangles are not slivers."""
        least, most = self.raw.min(axis=0), self.raw.max(axis=0)
        return (raw - least) / np.where(most > least, most - least, 1.0)

    def check(self) -> None:
        """
        Raises:
            ValueError: the points span no area.
        """
        try:
            _ = self._triangles
        except QhullError as error:
            raise ValueError("lie on one line") from error

    def weights(self, raw: np.ndarray) -> np.ndarray:
        """(n, k): angles = weights @ self.angles, for readings (n, 2); outside, the nearest triangle goes on."""
        triangles, points = self._triangles, self._unit(raw)
        found = triangles.find_simplex(points)
        outside = found < 0
        if outside.any():
            found[outside] = self._barycentric(points[outside]).min(axis=2).argmax(axis=1)
        shares = self._barycentric(points, found)
        weights = np.zeros((len(raw), len(self.raw)))
        weights[np.arange(len(raw))[:, None], triangles.simplices[found]] = shares
        return weights

    def _barycentric(self, points: np.ndarray, chosen: np.ndarray | None = None) -> np.ndarray:
        """(n, 3) shares of the corners of each point's triangle; (n, all triangles, 3) without a choice."""
        transform = self._triangles.transform
        if chosen is None:
            turned = np.einsum("tij,ntj->nti", transform[:, :2], points[:, None] - transform[None, :, 2])
        else:
            turned = np.einsum("nij,nj->ni", transform[chosen, :2], points - transform[chosen, 2])
        last = 1.0 - turned.sum(axis=-1, keepdims=True)
        shares = np.concatenate([turned, last], axis=-1)
        return np.where(np.isfinite(shares), shares, -np.inf)  # a triangle without area holds nothing

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        """Angles (n,), rad, of readings (n, 2)."""
        return self.weights(raw) @ self.angles
