"""Learning curves: what the tables of training runs say, as a picture."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dactyl.errors import DactylError
from dactyl.learning.progress import TABLE

POINTS = 100  # of a curve: means over so many equal parts of a run
_ROWS = (("successes", "goals per training episode"), ("goals_per_minute", "goals per minute"),
         ("terminated_per_minute", "drops per minute"))  # fmt: skip
_COLUMNS = (("years", "simulated years"), ("hours", "hours of training"))


def draw(runs: Sequence[Path], out: Path) -> Path:
    """One line for each run, against simulated experience and against time.

    Args:
        runs: training folders, or their tables.
        out: a picture, its format by its ending.

    Raises:
        DactylError: a run has no readable table, or the picture cannot be written.
    """
    from matplotlib import pyplot

    tables = {run.stem if run.is_file() else run.name: read(run) for run in runs}
    shape = len(_ROWS), len(_COLUMNS)
    figure, grid = pyplot.subplots(*shape, figsize=(9, 8), dpi=100, sharex="col", squeeze=False, layout="constrained")
    for (y, y_label), row in zip(_ROWS, grid, strict=True):
        for (x, _), axes in zip(_COLUMNS, row, strict=True):
            for name, table in tables.items():
                axes.plot(_means(table[x]), _means(table[y]), label=name)
            axes.set_ylim(bottom=0.0)
            axes.grid(alpha=0.3)
        row[0].set_ylabel(y_label)
    for (_, x_label), axes in zip(_COLUMNS, grid[-1], strict=True):
        axes.set_xlabel(x_label)
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4, fontsize=8)
    try:
        figure.savefig(out)
    except (OSError, ValueError) as error:
        raise DactylError(f"cannot write the curves to {out}: {error}") from error
    finally:
        pyplot.close(figure)
    return out


def read(run: Path) -> dict[str, np.ndarray]:
    """A run's table by column, a value for each iteration.

    Raises:
        DactylError: there is none, or it is none of a training.
    """
    path = run / TABLE if run.is_dir() else run
    needed = [name for name, _ in (*_ROWS, *_COLUMNS)]
    try:
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
        table = {name: np.array([float(row[name]) for row in rows]) for name in needed}
    except OSError as error:
        raise DactylError(f"cannot read the training {run}: no {TABLE} there ({error.strerror})") from error
    except (KeyError, TypeError, ValueError) as error:
        raise DactylError(f"{path} is not the table of a training: {error}") from error
    if not rows:
        raise DactylError(f"{path} has no rows yet")
    return table


def _means(values: np.ndarray) -> np.ndarray:
    """The mean of each of at most `POINTS` parts."""
    return np.array([part.mean() for part in np.array_split(values, min(POINTS, len(values)))])
