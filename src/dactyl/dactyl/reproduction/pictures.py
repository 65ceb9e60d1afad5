"""What the experiments' pictures share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes


def sorted_trials(axes: Axes, summaries: Mapping[str, Mapping[str, Any]], paper: Mapping[str, Sequence[int]]) -> None:
    """Goals in a row of sorted trials, best first; the paper's as points.

    Args:
        axes: to draw in.
        summaries: `evaluation.summarize`'s figures by what they are of.
        paper: its individual trials, where it lists them, by the same names or others.
    """
    for name, summary in summaries.items():
        trials = np.array(summary["sorted"])
        axes.step((np.arange(len(trials)) + 0.5) / len(trials), trials, where="mid", label=name)
    for name, values in paper.items():
        axes.plot((np.arange(len(values)) + 0.5) / len(values), values, "o", markersize=4, label=name)
    axes.set_xlabel("share of the trials, best first")
    axes.set_ylabel("goals in a row")
    axes.set_ylim(bottom=0.0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)


def training_curves(axes: Axes, curves: Mapping[str, Mapping[str, Sequence[float | None]]], against: str) -> None:
    """Goals per training episode with their 90 % interval, by name, against "hours" or "years" (log) or "steps"."""
    for name, curve in curves.items():
        x, mean, low, high = (np.array(curve[key], float) for key in (against, "goals", "low", "high"))
        (line,) = axes.plot(x, mean, label=name)
        axes.fill_between(x, low, high, color=line.get_color(), alpha=0.2, linewidth=0.0)
    axes.set_xscale("linear" if against == "steps" else "log")
    axes.set_xlabel({"hours": "hours of training", "years": "simulated years", "steps": "control steps"}[against])
    axes.set_ylabel("goals per training episode")
    axes.set_ylim(bottom=0.0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)


def matrix(axes: Axes, values: np.ndarray, rows: Sequence[str], columns: Sequence[str], digits: int = 1) -> None:
    """A table of numbers (rows, columns) as colours with the numbers in them; NaN stays empty."""
    axes.imshow(values, aspect="auto", cmap="viridis")
    middle = np.nanmean(values) if np.isfinite(values).any() else 0.0
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            if np.isfinite(value):
                colour = "white" if value < middle else "black"
                axes.text(j, i, f"{value:.{digits}f}", ha="center", va="center", fontsize=7, color=colour)
    axes.set_xticks(range(len(columns)), columns, rotation=30, ha="right", fontsize=8)
    axes.set_yticks(range(len(rows)), rows, fontsize=8)


def timeline(axes: Axes, labels: Sequence[str], spans: Sequence[Sequence[Sequence[int]]], period: float) -> None:
    """When each of several things was so: a row for each.

    Args:
        axes: to draw in.
        labels: of the rows.
        spans: of each row, [start, stop) in steps.
        period: of a step, s.
    """
    for row, found in enumerate(spans):
        if found:
            axes.broken_barh([(period * start, period * (stop - start)) for start, stop in found], (row - 0.4, 0.8))
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_xlabel("s")
    axes.grid(alpha=0.3, axis="x")


def bars(axes: Axes, labels: Sequence[str], values: Sequence[float], unit: str) -> None:
    """A bar for each label."""
    axes.barh(range(len(labels)), values)
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(unit)
    axes.grid(alpha=0.3, axis="x")
