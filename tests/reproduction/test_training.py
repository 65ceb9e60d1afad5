"""Trainings as steps: they go on where they were stopped, and their curves are those of their tables."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dactyl.errors import DactylError
from dactyl.learning import train as trainings
from dactyl.learning.policy import Policy
from dactyl.reproduction import recipes, training
from dactyl.reproduction.experiment import Here, StoppedError
from dactyl.storage.digests import file_hash
from tests.reproduction.experiments.synthetic import trained

COLUMNS = (
    "steps", "years", "hours", "steps_per_s", "successes", "goals_per_minute", "episodes_per_minute",
    "terminated_per_minute",
)  # fmt: skip


@pytest.fixture
def here(tmp_path: Path) -> Here:
    folder = tmp_path / "step"
    folder.mkdir()
    return Here(folder, {}, {}, threads=1, workers=1)


def table(folder: Path, rows: list[dict[str, float]]) -> Path:
    """A training's."""
    folder.mkdir(exist_ok=True)
    with (folder / "progress.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return folder


def row(i: int, goals: float, episodes: float) -> dict[str, float]:
    return {
        "steps": 100.0 * i, "years": 0.01 * i, "hours": 0.1 * i, "steps_per_s": 1000.0, "successes": 0.0,
        "goals_per_minute": goals, "episodes_per_minute": episodes, "terminated_per_minute": 1.0,
    }  # fmt: skip


def test_a_curve_is_goals_per_episode(tmp_path: Path) -> None:
    out = table(tmp_path / "run", [row(i, 6.0, 2.0) for i in range(1, 21)])
    curve = training.curve(out)
    assert curve["goals"] == pytest.approx([3.0] * 20)
    assert curve["goals_per_minute"] == pytest.approx([6.0] * 20)
    assert curve["hours"][-1] == pytest.approx(2.0)
    assert curve["low"][0] is None, "one value says nothing of its spread"


def test_iterations_without_an_episode_are_left_out(tmp_path: Path) -> None:
    rows = [row(i, 6.0, 2.0 if i % 2 else 0.0) for i in range(1, 11)]
    curve = training.curve(table(tmp_path / "run", rows))
    assert curve["steps"] == [100.0, 300.0, 500.0, 700.0, 900.0]
    with pytest.raises(DactylError, match="no episode ended"):
        training.curve(table(tmp_path / "none", [row(1, 0.0, 0.0)]))


def test_long_curves_are_thinned_but_keep_their_ends(tmp_path: Path) -> None:
    curve = training.curve(table(tmp_path / "run", [row(i, 6.0, 2.0) for i in range(1, 2001)]))
    assert len(curve["goals"]) == training.POINTS
    assert (curve["steps"][0], curve["steps"][-1]) == (100.0, 200_000.0)


def test_curves_are_compared_where_all_of_them_came() -> None:
    """The slower one ends with 2 goals a minute, which the faster one has after half the time."""
    slow, fast = (trained(goals)["curve"] for goals in (4.0, 8.0))
    assert training.level([slow, fast]) == pytest.approx(2.0)
    assert training.reached(slow, 2.0) == pytest.approx(2.0)
    assert training.reached(fast, 2.0) == pytest.approx(1.0, abs=0.05)
    assert np.isnan(training.reached(slow, 2.1))
    assert training.reached(fast, 4.0, "goals", "years") == pytest.approx(0.01, abs=0.0005)


def test_a_table_without_what_is_needed_is_refused(tmp_path: Path) -> None:
    out = table(tmp_path / "run", [row(1, 1.0, 1.0)])
    text = (out / "progress.csv").read_text().replace("episodes_per_minute", "other")
    (out / "progress.csv").write_text(text)
    with pytest.raises(DactylError, match="it has no episodes_per_minute"):
        training.curve(out)


def test_a_training_leaves_the_number_of_threads_as_it_was(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects judgements from other numbers, in their last bits, after a training than by themselves."""

    def failing(preset: str, options: Any) -> dict[str, Any]:
        torch.set_num_threads(3)
        raise DactylError("it failed")

    monkeypatch.setattr(trainings, "train", failing)
    before = torch.get_num_threads()
    with pytest.raises(DactylError, match="it failed"):
        training.train(here, recipes.teacher(1000, quick=True))
    assert torch.get_num_threads() == before


def test_a_signal_leaves_the_step_unfinished(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(preset: str, options: Any) -> dict[str, Any]:
        return {"ended": "SIGTERM"}

    monkeypatch.setattr(trainings, "train", stopped)
    with pytest.raises(StoppedError, match="SIGTERM"):
        training.train(here, recipes.teacher(1000, quick=True))


@pytest.mark.slow
def test_a_training_is_done_and_gone_on_with(here: Here) -> None:
    """What it returns is in its folder; another try finds it finished, a longer one goes on, one begins with it."""
    preset = recipes.teacher(1000, quick=True)
    first = training.train(here, preset)
    policy = here.folder / first["policy"]
    assert first["steps"] == preset["total_steps"]
    assert first["hash"] == file_hash(policy)
    assert len(first["curve"]["goals"]) >= 1
    assert np.isfinite(first["curve"]["hours"]).all()
    assert Policy.load(policy).contract.action_origin == "middle"
    again = training.train(here, preset)
    assert (again["hash"], again["steps"]) == (first["hash"], first["steps"])
    longer = training.train(here, {**preset, "total_steps": 2 * preset["total_steps"]})
    assert longer["steps"] == 2 * preset["total_steps"]

    other = here.folder.parent / "other"
    other.mkdir()
    after = replace(here, folder=other, found={"before": longer}, folders={"before": here.folder})
    begun = training.training(preset, "before")(after)
    assert begun["hash"] != first["hash"], "it began with other networks"
