"""Learning curves: what the tables of training runs say, as a picture."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dactyl.errors import DactylError
from dactyl.learning.progress import TABLE
from dactyl.storage import pictures

POINTS = 100  # of a curve: means over so many equal parts of a run
_ROWS = (("successes", "goals per training episode"), ("goals_per_minute", "goals per minute"),
         ("terminated_per_minute", "drops per minute"))  # fmt: skip
_COLUMNS = (("years", "simulated years"), ("hours", "hours of training"))
_NEEDED = [name for name, _ in (*_ROWS, *_COLUMNS)]


def draw(runs: Sequence[Path], out: Path, notes: list[str] | None = None) -> Path:
    """One line for each run, against simulated experience and against time.

    Args:
        runs: training folders, or their tables.
        out: a picture, its format by its ending.
        notes: gets what of the tables was left out, one line each.

    Raises:
        DactylError: there is no run, one has no readable table, or the picture cannot be written.
    """
    from matplotlib import pyplot

    pictures.check(out, pictures.DRAWINGS)
    if not runs:
        raise DactylError("name the training folders, or the tables, to draw")
    tables = dict(zip(_names(runs), (read(run, notes) for run in runs), strict=True))
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


def _names(runs: Sequence[Path]) -> list[str]:
    """Of the lines: the last part of each path, or all of it where two have the same."""
    short = [run.stem if run.is_file() else run.resolve().name for run in runs]
    return [name if short.count(name) == 1 else str(run) for name, run in zip(short, runs, strict=True)]


def read(run: Path, notes: list[str] | None = None, more: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """A run's table by column, a value for each iteration.

    A last line that was cut off is left out: training was stopped, or the machine, while it was written.

    Args:
        run: training folder, or its table.
        notes: gets what was left out.
        more: columns that are wanted beside those that are drawn.

    Raises:
        DactylError: there is none, it is none of a training, or it lacks one of these columns.
    """
    path = run / TABLE if run.is_dir() else run
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DactylError(f"cannot read the training {run}: no {TABLE} there ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DactylError(f"{path} is not the table of a training: it is no text") from error
    lines, _, tail = text.rpartition("\n")
    needed = [*_NEEDED, *more]
    rows, left_out = _rows(path, lines.splitlines(), needed)
    if tail or left_out:
        if not rows:
            raise DactylError(f"{path} is not the table of a training: no line of numbers is whole")
        (notes if notes is not None else []).append(f"{path}: the last line is cut off and left out")
    if not rows:
        raise DactylError(f"{path} has no rows yet")
    columns = {name: np.array([row[name] for row in rows]) for name in needed}
    finite = {name: bool(np.isfinite(values).any()) for name, values in columns.items()}
    if not (any(finite[name] for name, _ in _ROWS) and all(finite[name] for name, _ in _COLUMNS)):
        raise DactylError(f"{path} has nothing to draw: no row of it is all numbers")
    return columns


def _rows(path: Path, lines: list[str], needed: Sequence[str]) -> tuple[list[dict[str, float]], bool]:
    """The numbers of each line, and whether the last ones were left out as damaged."""
    header, *body = lines or [""]
    names = next(csv.reader([header]), [])
    if missing := [name for name in needed if name not in names]:
        raise DactylError(f"{path} is not the table of a training: it has no {', '.join(missing)}")
    while body and not body[-1].strip("\0 \t\r"):
        body.pop()
    rows = [_numbers(dict(zip(names, line.split(","), strict=False)), needed) for line in body]
    for number, row in enumerate(rows[:-1], 2):
        if row is None:
            raise DactylError(f"{path} is not the table of a training: line {number} is not")
    cut = bool(rows) and rows[-1] is None
    return [row for row in rows if row is not None], cut


def _numbers(row: dict[str, str], needed: Sequence[str]) -> dict[str, float] | None:
    """The numbers of a line; None where one is missing or none."""
    try:
        return {name: float(row[name]) for name in needed}
    except (KeyError, ValueError):
        return None


def _means(values: np.ndarray) -> np.ndarray:
    """The mean of each of at most `POINTS` parts."""
    return np.array([part.mean() for part in np.array_split(values, min(POINTS, len(values)))])
