"""What can be read from numbers by a line: ridge regression in closed form, judged on what it has not seen.

The strength of the penalty is chosen for each truth by leave-one-out errors, which ridge regression has in closed form
too: nothing of the held-out part is looked at before the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from dactyl.errors import DactylError

PENALTIES = tuple(10.0**power for power in range(-2, 6))
HELD_OUT = 0.25
Z95 = 1.96


class Line(NamedTuple):
    """predicted = (x - mean) / scale @ weights + offset."""

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    """(d, q)"""
    offset: np.ndarray
    """(q,)"""

    def predict(self, x: np.ndarray) -> np.ndarray:
        """(n, d) -> (n, q)."""
        predicted: np.ndarray = (x - self.mean) / self.scale @ self.weights + self.offset
        return predicted


def fit(x: np.ndarray, y: np.ndarray) -> Line:
    """Ridge regression of each truth y (n, q) on x (n, d), each with the penalty of the least leave-one-out error.

    Raises:
        DactylError: fewer than three rows, or numbers that are not finite.
    """
    if len(x) != len(y) or len(x) < 3 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise DactylError("a probe needs three rows at least, of numbers that are finite")
    mean, offset = x.mean(0), y.mean(0)
    scale = x.std(0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    u, s, vt = np.linalg.svd((x - mean) / scale, full_matrices=False)
    along = u.T @ (y - offset)
    errors = np.array([_leave_one_out(u, s, along, y - offset, penalty) for penalty in PENALTIES])
    best = np.array(PENALTIES)[errors.argmin(0)]
    weights = vt.T @ (s[:, None] / (s[:, None] ** 2 + best) * along)
    return Line(mean, scale, weights, offset)


def _leave_one_out(u: np.ndarray, s: np.ndarray, along: np.ndarray, y: np.ndarray, penalty: float) -> np.ndarray:
    """(q,) mean squared error of predicting each row from the others; `along` is u.T @ y."""
    shrunk = s**2 / (s**2 + penalty)
    leverage = (u**2) @ shrunk + 1.0 / len(u)
    residual = y - u @ (shrunk[:, None] * along)
    error: np.ndarray = np.mean((residual / (1.0 - np.minimum(leverage, 1.0 - 1e-9))[:, None]) ** 2, axis=0)
    return error


class Split(NamedTuple):
    """Rows to fit, and rows to judge by."""

    fitted: np.ndarray
    held_out: np.ndarray


def split(rows: int, seed: int) -> Split:
    """Indices of a random quarter to be held out, and of the rest."""
    order = np.random.default_rng([seed, 7]).permutation(rows)
    held_out = round(HELD_OUT * rows)
    return Split(order[held_out:], order[:held_out])


def read(x: np.ndarray, y: np.ndarray, parts: Split) -> dict[str, np.ndarray]:
    """How well truths can be read.

    Args:
        x: (n, d) what is read from.
        y: (n, q) truths.
        parts: of the rows, an episode each.

    Returns:
        explained: (q,) share of the held-out truth's variance about the fitted part's mean, at most 1, below 0 where
        the mean says more; right: (n, q) bool, which held-out rows are said to be above or below that mean rightly;
        chance: (q,) how many the more frequent answer would get.
    """
    line = fit(x[parts.fitted], y[parts.fitted])
    truth, said = y[parts.held_out], line.predict(x[parts.held_out])
    above = truth > line.offset
    missed = ((truth - said) ** 2).sum(0)
    spread = ((truth - line.offset) ** 2).sum(0)
    return {
        "explained": 1.0 - missed / np.where(spread > 0.0, spread, np.nan),
        "right": (said > line.offset) == above,
        "chance": np.maximum(above.sum(0), (~above).sum(0)),
    }


def summary(found: dict[str, np.ndarray], columns: list[int]) -> dict[str, Any]:
    """The figures of one quantity that has several numbers, such as one for each joint, taken together."""
    right = found["right"][:, columns]
    share = float(right.mean())
    return {
        "accuracy": share,
        "interval_95": list(wilson(share, worth(right))),
        "chance": float(found["chance"][columns].sum()) / right.size,
        "explained": float(np.mean(found["explained"][columns])),
        "asked": right.size,
    }


def worth(right: np.ndarray) -> float:
    """How many independent answers these are worth: (n, k) bool, of which the k about one episode may err together."""
    share, between = float(right.mean()), float(right.mean(1).var(ddof=1)) / len(right)
    return float(np.clip(share * (1.0 - share) / between, len(right), right.size)) if between > 0.0 else len(right)


def reached(summary: Mapping[str, Any]) -> tuple[float, float, float]:
    """Of an evaluation's trials, `evaluation.summarize`, the share that reached a goal, and Wilson's interval, 95 %."""
    trials = summary["sorted"]
    share = sum(goals > 0 for goals in trials) / len(trials)
    return (share, *wilson(share, len(trials)))


def wilson(share: float, asked: float, z: float = Z95) -> tuple[float, float]:
    """Wilson's interval of a share of so many independent answers.

    Raises:
        DactylError: it is no share, or nothing was asked.
    """
    if not (0.0 <= share <= 1.0 and asked > 0.0):
        raise DactylError(f"{share} of {asked} answers is no share")
    size = z**2 / asked
    middle = (share + size / 2.0) / (1.0 + size)
    half = z * sqrt(share * (1.0 - share) / asked + size / (4.0 * asked)) / (1.0 + size)
    return middle - half, middle + half
