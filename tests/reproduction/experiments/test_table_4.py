"""Table 4's matrix and rows, and Figure 8's curves."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from dactyl.reproduction.experiment import Size
from dactyl.reproduction.experiments import table_4
from dactyl.reproduction.worlds import TRAINING
from tests.reproduction.experiments.synthetic import drawn, judged, trained


@pytest.fixture
def results() -> dict[str, Any]:
    """Goals say where they are from: 10 × the training's place + the world's."""
    places = [*TRAINING, "stand-in"]
    found: dict[str, Any] = {f"train-{world}": trained(i + 1.0) for i, world in enumerate(TRAINING)}
    for (i, here), (j, there) in product(enumerate(TRAINING), enumerate(places)):
        found[f"{here}-in-{there}"] = judged([10 * i + j] * 3)
    return found


def test_the_matrix_is_trained_in_by_judged_in(results: dict[str, Any]) -> None:
    expected = 10.0 * np.arange(5)[:, None] + np.arange(6)
    np.testing.assert_allclose(table_4.across(results), expected)


def test_the_papers_hand_stands_beside_the_stand_in(results: dict[str, Any]) -> None:
    rows = table_4.rows(results)
    assert len(rows) == 16
    none = next(row for row in rows if row.what == "trained with no randomizations, on the hand")
    assert none.paper == "1.1 ± 1.9, median 0"
    assert none.ours.startswith("in the stand-in: **15.0 ± 0.0**")
    assert none.differs == "a stand-in is no hand"


def test_a_curves_end_is_told_with_its_interval(results: dict[str, Any]) -> None:
    rows = {row.what: row for row in table_4.rows(results)}
    said = rows["Figure 8: all randomizations"].ours
    assert said == "1.0 goals per training episode (90 %: 0.5 … 1.5) after 0.020 years, 2.0 h"
    results["train-all"]["curve"]["low"][-1] = None
    said = {row.what: row for row in table_4.rows(results)}["Figure 8: all randomizations"].ours
    assert "90 %" not in said, "an interval that is not known is not told"


def test_randomizations_cost_experience(results: dict[str, Any]) -> None:
    """All reach 1 goal at their end, after 0.02 years; without any that is half of what is reached."""
    assert table_4.slower(results) == pytest.approx((1.0, 0.01, 0.02), abs=0.0005)
    row = next(row for row in table_4.rows(results) if row.what.startswith("experience for the same goals"))
    assert row.ours.endswith("; 0.0200 years, to 1.0 goals per training episode")


def test_the_papers_trials_have_the_papers_means() -> None:
    for text, trials in table_4.PAPER.values():
        assert len(trials) == 10
        assert text.startswith(f"{sum(trials) / 10.0:.1f} ±")


def test_the_picture_has_five_curves_and_the_matrix(results: dict[str, Any]) -> None:
    learning, table, ours, theirs = drawn(table_4.EXPERIMENT, results).axes
    assert len(learning.lines) == len(ours.lines) == len(theirs.lines) == 5
    assert len(table.texts) == 30


def test_all_trainings_begin_with_the_same_start_and_are_judged_everywhere() -> None:
    steps = {step.name: step for step in table_4.plan(Size())}
    assert len(steps) == 2 + 5 + 25 + 5
    for world in TRAINING:
        assert steps[f"train-{world}"].needs == ("start",)
        assert steps[f"{world}-in-stand-in"].needs == (f"train-{world}", "hand")
        assert steps[f"{world}-in-none"].settings["world"]["randomization"]["physics"] is None
