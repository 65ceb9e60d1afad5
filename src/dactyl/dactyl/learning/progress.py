"""What a training run tells: a line on the terminal, a table (progress.csv) and TensorBoard."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, TextIO

from dactyl.status_line import StatusLine, duration

TABLE = "progress.csv"
SILENCE = 50.0
"""s after which something is said though no iteration has ended."""
YEAR = 365.25 * 24 * 3600.0  # s


def years(seconds: float) -> float:
    """Simulated seconds in years."""
    return seconds / YEAR


def policy_line(row: Mapping[str, float]) -> str:
    """A row of a policy's training for people."""
    line = (
        f"{row['steps'] / 1e6:9.2f} M steps  {row['years']:.3g} years  {row['steps_per_s']:,.0f}/s  "
        f"{row['successes']:.2f} successes per episode  {row['goals_per_minute']:.2f} goals/min"
    )
    if "cluster/workers" in row:
        workers, age, dropped, queue = (row[f"cluster/{name}"] for name in ("workers", "age", "dropped", "queue"))
        line += f"  {workers:.0f} workers  policy age {age:.1f}  {dropped:.0f} dropped  {queue:.0f} queued"
    return line


@dataclass(frozen=True)
class Style:
    """How a training is told of."""

    group: str = "training"
    """In TensorBoard, of figures without one of their own."""
    count: str = "steps"
    """The figure that counts how far it is."""
    line: Callable[[Mapping[str, float]], str] = policy_line
    """A row for people."""
    columns: tuple[str, ...] = ()
    """Of the table; at first those of the first row."""


class Progress:
    """Writes one row of figures per iteration."""

    def __init__(self, out: Path, count: int, style: Style | None = None, terminal: TextIO | None = None) -> None:
        """Continue the table in `out` after `count`; later rows of an earlier try are dropped."""
        self.terminal = terminal or sys.stderr
        self._style = style or Style()
        self._path = out / TABLE
        self._names = list(self._style.columns)
        self._last_line = -inf
        self._keep(count)
        self._board = _tensorboard(out, count)
        self._waiting = None if self.terminal.isatty() else StatusLine("training goes on", self.terminal, SILENCE)
        if self._waiting:
            self._waiting.start()

    def _keep(self, count: int) -> None:
        if count == 0 or not self._path.exists():
            self._path.unlink(missing_ok=True)
            return
        with open(self._path, newline="") as file:
            reader = csv.DictReader(file)
            rows = [row for row in reader if None not in row.values() and float(row[self._style.count]) <= count]
            self._names = list(reader.fieldnames or self._names)
        self._write("w", rows)

    def _write(self, mode: str, rows: list[dict[str, Any]]) -> None:
        with open(self._path, mode, newline="") as file:
            writer = csv.DictWriter(file, self._names, restval="", extrasaction="ignore")
            if mode == "w":
                writer.writeheader()
            writer.writerows(rows)

    def add(self, row: Mapping[str, float], seconds_left: float) -> None:
        """Take in one iteration's figures, by name."""
        self._names = self._names or list(row)
        try:
            self._write("a" if self._path.is_file() else "w", [{k: f"{v:.8g}" for k, v in row.items()}])
        except OSError as error:  # a full disk now may have room later
            self.say(f"warning: cannot write {self._path}: {error.strerror}")
        for figure, value in row.items():
            if self._board:
                name = figure if "/" in figure else f"{self._style.group}/{figure}"
                self._board.add_scalar(name, value, int(row[self._style.count]))
        self._show(row, seconds_left)

    def _show(self, row: Mapping[str, float], seconds_left: float) -> None:
        interactive = self.terminal.isatty()
        if time.monotonic() - self._last_line < (0.5 if interactive else 30.0):
            return
        self._last_line = time.monotonic()
        line = f"{self._style.line(row)}  {duration(seconds_left)} left"
        text, end = (f"\r{line}\x1b[K", "") if interactive else (line, "\n")
        print(text, end=end, file=self.terminal, flush=True)
        if self._waiting:
            self._waiting.said()

    def say(self, text: str) -> None:
        """One line of its own."""
        print(f"\n{text}" if self.terminal.isatty() else text, file=self.terminal, flush=True)

    def close(self) -> None:
        if self._waiting:
            self._waiting.close()
        if self._board:
            self._board.close()


def _tensorboard(out: Path, count: int) -> Any:
    """A TensorBoard writer, or None where the package is missing: training goes on without it."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(out / "tensorboard"), purge_step=count or None)
