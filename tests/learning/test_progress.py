"""The table that a training leaves, whatever is trained."""

from __future__ import annotations

import csv
import io
import time
from pathlib import Path

import pytest

from dactyl.learning import progress as progress_module
from dactyl.learning.progress import TABLE, Progress, Style

STYLE = Style(
    group="toy", count="batch", line=lambda row: f"batch {row['batch']:.0f}", columns=("batch", "loss", "error")
)


def rows(out: Path) -> list[dict[str, str]]:
    with (out / TABLE).open(newline="") as file:
        return list(csv.DictReader(file))


def test_figures_that_come_now_and_then_have_their_column(tmp_path: Path) -> None:
    """Protects validations, which the first rows of a training lack."""
    terminal = io.StringIO()
    progress = Progress(tmp_path, 0, STYLE, terminal)
    progress.add({"batch": 100.0, "loss": 0.5}, 3661.0)
    progress.add({"batch": 200.0, "loss": 0.25, "error": 3.0}, 0.0)
    progress.close()
    assert rows(tmp_path) == [
        {"batch": "100", "loss": "0.5", "error": ""}, {"batch": "200", "loss": "0.25", "error": "3"}
    ]  # fmt: skip
    assert terminal.getvalue() == "batch 100  1:01:01 left\n", "the second comes too soon after it"


def test_rows_after_the_checkpoint_are_dropped_when_training_goes_on(tmp_path: Path) -> None:
    """Protects curves from times that were gone through twice."""
    progress = Progress(tmp_path, 0, STYLE, io.StringIO())
    for batch in (100.0, 200.0, 300.0):
        progress.add({"batch": batch, "loss": 1.0}, 0.0)
    progress.close()
    again = Progress(tmp_path, 200, STYLE, io.StringIO())
    again.add({"batch": 300.0, "loss": 2.0, "error": 1.0}, 0.0)
    again.close()
    assert [(row["batch"], row["loss"]) for row in rows(tmp_path)] == [("100", "1"), ("200", "1"), ("300", "2")]


def test_an_iteration_that_takes_long_is_no_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects people who follow a log from wondering whether it is still going."""
    monkeypatch.setattr(progress_module, "SILENCE", 0.05)
    terminal = io.StringIO()
    progress = Progress(tmp_path, 0, STYLE, terminal)
    time.sleep(0.2)
    progress.close()
    assert "training goes on, after 0:00:00" in terminal.getvalue()


def test_the_line_of_a_training_on_a_cluster_says_how_that_is() -> None:
    """Protects what a person watches: workers, how old experience is, what was dropped, what waits."""
    row = {"steps": 2.5e6, "years": 0.00634, "steps_per_s": 1234.0, "successes": 1.5, "goals_per_minute": 4.0}
    alone = progress_module.policy_line(row)
    assert "1,234/s" in alone
    assert "workers" not in alone
    figures = {"cluster/workers": 3.0, "cluster/age": 0.84, "cluster/dropped": 2.0, "cluster/queue": 1.0}
    line = progress_module.policy_line({**row, **figures})
    assert line == f"{alone}  3 workers  policy age 0.8  2 dropped  1 queued"
