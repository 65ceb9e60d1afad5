"""Whether stated errors are worth having: how they compare with the actual ones, and what they would leave out."""

from __future__ import annotations

from typing import Any

import numpy as np


def table(stated: np.ndarray, actual: np.ndarray, parts: int = 6) -> list[dict[str, float]]:
    """Answers in equal parts from the surest to the least sure.

    Args:
        stated: (n,) error that the estimator expects.
        actual: (n,) error that it has, in the same unit.
        parts: of about equal size; fewer where there are fewer answers.
    """
    order = np.argsort(stated, kind="stable")
    return [
        {
            "samples": len(part), "stated": float(stated[part].mean()), "actual": float(actual[part].mean()),
            "actual_p95": float(np.percentile(actual[part], 95)),
        }
        for part in np.array_split(order, min(parts, len(order)))
    ]  # fmt: skip


def left(by: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """(n,) the mean error of what is left when none, one, two, … of the answers for which `by` is largest are left out,
    as a share of the mean error of all."""
    ordered = actual[np.argsort(by, kind="stable")]
    means = np.cumsum(ordered) / np.arange(1, len(ordered) + 1)
    return np.asarray(means[::-1] / max(float(actual.mean()), 1e-12))


def sparsification(stated: np.ndarray, actual: np.ndarray) -> dict[str, float]:
    """The area under the sparsification error (Ilg et al. 2018): between leaving out by the stated and by the actual
    error. 0 where both have the same order; "random" is what no order at all would have."""
    best = left(actual, actual)
    return {"area": float((left(stated, actual) - best).mean()), "random": float((1.0 - best).mean())}


def summarize(stated: np.ndarray, actual: np.ndarray) -> dict[str, Any]:
    """Table and area, and the mean distance of the stated from the actual error over the table's parts."""
    rows = table(stated, actual)
    gaps = [abs(row["stated"] - row["actual"]) * row["samples"] for row in rows]
    return {"table": rows, "miscalibration": sum(gaps) / len(stated), **sparsification(stated, actual)}
