"""Results as steps give them, made up: what rows and pictures are tried with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dactyl.learning.evaluation import Trial, summarize
from dactyl.reproduction.experiment import Experiment


def judged(goals: Sequence[int]) -> dict[str, Any]:
    """An evaluation in which trials reached so many goals and were dropped."""
    return plain(summarize([Trial(number, "dropped", 10.0 * number + 1.0) for number in goals]))


def trained(goals: float, hours: float = 2.0, speed: float = 2000.0) -> dict[str, Any]:
    """A training whose goals rise evenly to so many."""
    shares = np.linspace(0.02, 1.0, 50)
    mean = goals * shares
    low: list[float | None] = [None, *(mean[1:] - 0.5)]
    high: list[float | None] = [None, *(mean[1:] + 0.5)]
    curve = {
        "steps": 1e6 * shares, "years": 0.02 * shares, "hours": hours * shares, "goals": mean, "low": low,
        "high": high, "goals_per_minute": mean / 2.0, "steps_per_s": np.full(50, speed),
    }  # fmt: skip
    curve = {name: [None if v is None else float(v) for v in values] for name, values in curve.items()}
    return {"steps": 1_000_000, "years": 0.02, "hours": hours, "workers": 2, "policy": "p", "hash": "h", "curve": curve}


def plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """As it comes from a file."""
    found: dict[str, Any] = json.loads(json.dumps(value))
    return found


def drawn(experiment: Experiment, results: Mapping[str, Mapping[str, Any]]) -> Figure:
    """The experiment's picture, drawn as a report does."""
    figure = Figure(figsize=experiment.figure_size, layout="constrained")
    FigureCanvasAgg(figure).draw()
    experiment.draw(results, figure)
    figure.canvas.draw()
    return figure
