"""How far off an estimator expects its own answers to be, in degrees and mm, fitted on states it was not trained on.

Signs of doubt are how short the answer is, and how much single cameras disagree with it. A weighted sum of their
logarithms says which answers are worse than others, and a rising line through the mean errors says how bad they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

_KNOTS = 20
_LEAST = 25  # samples between two knots
_SMALL, _LARGE = 1e-3, 10.0  # of a sign: less doubt is none, and more says no more


class Doubt(NamedTuple):
    """What an estimator states of its answers."""

    degrees: np.ndarray
    """(n,) expected rotation error."""
    millimetres: np.ndarray
    """(n,) expected position error."""
    disagreement: np.ndarray | None
    """(n, cameras) how much each disagrees with the answer; 1 is the limit. None: the estimator cannot say."""


@dataclass(frozen=True)
class Scale:
    """From signs of doubt to an expected error."""

    weights: tuple[float, ...]
    """Of each sign."""
    doubts: tuple[float, ...]
    """Rising weighted sums, …"""
    errors: tuple[float, ...]
    """… and the error expected at each; between them it is linear, and beyond them it stays."""

    def __post_init__(self) -> None:
        for name in ("weights", "doubts", "errors"):
            object.__setattr__(self, name, tuple(float(value) for value in getattr(self, name)))
        numbers = (*self.weights, *self.doubts, *self.errors)
        if not (self.weights and self.doubts) or len(self.doubts) != len(self.errors):
            raise ValueError("a scale of its certainty has no knots, or not one error for each")
        if not np.isfinite(numbers).all() or (np.diff(self.doubts) < 0).any() or min(self.errors) < 0:
            raise ValueError("a scale of its certainty is not finite, not rising or negative")

    def expected(self, signs: np.ndarray) -> np.ndarray:
        """(n,) of signs (n, F); NaN where one is."""
        return np.interp(signs @ np.array(self.weights), self.doubts, self.errors)


@dataclass(frozen=True)
class Certainty:
    """What an estimator's contract says about its doubts."""

    degrees: Scale
    millimetres: Scale
    cameras: tuple[tuple[tuple[float, ...], ...], ...] = ()
    """(C, 2, 4) affine cameras, see `agreement`; empty where towers find no keypoints."""
    limits: tuple[tuple[float, ...], ...] = ()
    """(C, 2) residuals, see `agreement.residuals`, that all but a few good pictures stay below."""
    fitted: Mapping[str, Any] = field(default_factory=dict)
    """On what, for people."""

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Certainty:
        """From a contract's JSON; ValueError, TypeError or KeyError says that something is wrong."""
        cameras, limits = np.array(values["cameras"], float), np.array(values["limits"], float)
        found = cls(
            degrees=Scale(**values["degrees"]), millimetres=Scale(**values["millimetres"]),
            cameras=nested(cameras), limits=nested(limits), fitted=dict(values["fitted"]),
        )  # fmt: skip
        if len(cameras) and (cameras.shape[1:] != (2, 4) or limits.shape != (len(cameras), 2)):
            raise ValueError("the cameras of its certainty are of a wrong shape")
        if not (np.isfinite(cameras).all() and np.isfinite(limits).all() and (limits > 0).all()):
            raise ValueError("the cameras of its certainty are not finite, or their limits not positive")
        expected = 3 if len(cameras) else 1
        if not len(found.degrees.weights) == len(found.millimetres.weights) == expected:
            raise ValueError(f"the scales of its certainty do not have {expected} weights")
        return found

    def doubt(self, confidence: np.ndarray, residuals: np.ndarray | None) -> Doubt:
        """What it states of answers.

        Args:
            confidence: (n,) of the answers.
            residuals: (n, C, 2) see `agreement.residuals`; None where there are `cameras` makes all of it NaN.
        """
        disagreement = None
        if self.cameras:
            unknown = np.full((len(confidence), len(self.cameras), 2), np.nan)
            disagreement = ((unknown if residuals is None else residuals) / np.array(self.limits)).max(2)
        found = signs(confidence, disagreement)
        return Doubt(self.degrees.expected(found), self.millimetres.expected(found), disagreement)


def signs(confidence: np.ndarray, disagreement: np.ndarray | None) -> np.ndarray:
    """(n, 1 or 3) signs of doubt: logarithms of how much the answer is too short, and of how much the worst camera and
    all of them disagree."""
    columns = [1.0 - confidence]
    if disagreement is not None:
        columns += [disagreement.max(1), disagreement.mean(1)]
    return np.log(np.clip(np.stack(columns, axis=1), _SMALL, _LARGE))


def fit(signs: np.ndarray, errors: np.ndarray, weights: np.ndarray) -> Scale:
    """The scale that fits best.

    Args:
        signs: (n, F) of doubt.
        errors: (n,) that answers with these signs had.
        weights: (n,) how much each sample counts.
    """
    columns = np.column_stack([signs, np.ones(len(signs))]) * np.sqrt(weights)[:, None]
    target = np.log(np.maximum(errors, _SMALL)) * np.sqrt(weights)
    slopes = np.linalg.lstsq(columns, target, rcond=None)[0][:-1]
    doubts = signs @ slopes
    parts = np.array_split(np.argsort(doubts, kind="stable"), max(1, min(_KNOTS, len(doubts) // _LEAST)))
    means, knots = ([np.average(v[part], weights=weights[part]) for part in parts] for v in (errors, doubts))
    errors_rising = rising(means, [weights[part].sum() for part in parts])
    return Scale(tuple(slopes), tuple(np.maximum.accumulate(knots)), tuple(errors_rising))


def rising(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The rising sequence nearest to one in squares: neighbours in the wrong order take their mean."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        blocks.append((float(value), float(weight), 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, wa, na), (b, wb, nb) = blocks[-2:]
            blocks[-2:] = [((a * wa + b * wb) / (wa + wb), wa + wb, na + nb)]
    return [value for value, _, number in blocks for _ in range(number)]


def nested(values: np.ndarray) -> Any:
    """An array as tuples of tuples of floats, as a contract holds it."""
    return tuple(map(nested, values)) if values.ndim > 1 else tuple(float(value) for value in values)
