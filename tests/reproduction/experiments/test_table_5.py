"""Table 5's verdict: better, worse, or too early to tell."""

from __future__ import annotations

from typing import Any

import pytest

from dactyl.reproduction.experiments import table_5
from tests.reproduction.experiments.synthetic import drawn, judged, trained


def results(lstm: list[int], others: list[int]) -> dict[str, Any]:
    found: dict[str, Any] = {f"train-{name}": trained(4.0) for name in table_5.CASES}
    for name in table_5.CASES:
        for world in ("all", "stand-in"):
            found[f"{name}-in-{world}"] = judged(lstm if name == "lstm-lstm" else others)
    return found


@pytest.mark.parametrize(
    ("lstm", "others", "verdict"),
    [
        ([20, 21, 22, 23], [1, 2, 3, 4], "yes"),
        ([1, 2, 3, 4], [20, 21, 22, 23], "no"),
        ([1, 2, 3, 9], [2, 3, 4, 5], "too early to tell"),
    ],
)
def test_the_intervals_decide(lstm: list[int], others: list[int], verdict: str) -> None:
    assert table_5.best_in_simulation(results(lstm, others)).startswith(verdict)


def test_the_rows_have_the_papers_hand_and_both_worlds() -> None:
    rows = table_5.rows(results([4, 4], [2, 2]))
    assert len(rows) == 8
    assert rows[2].paper == "4.7 ± 4.1, median 3.5"
    assert rows[2].ours.startswith("in the stand-in: **2.0")
    assert rows[1].ours.endswith("after 0.020 years, 2.0 h")


def test_trials_that_ran_out_of_time_are_counted() -> None:
    """Protects the claim that policies without memory get stuck: drops are no sign of that."""
    found = results([4, 4], [2, 2])
    found["ff-ff-in-stand-in"]["reasons"] = {"timeout": 1, "dropped": 1}
    row = table_5.rows(found)[-1]
    assert row.what == "policies without memory often get stuck and run out of time"
    assert row.ours.endswith(
        ": LSTM policy, LSTM value 0 of 2, FF policy, LSTM value 0 of 2, FF policy, FF value 1 of 2"
    )


def test_the_papers_trials_have_the_papers_means() -> None:
    for case in table_5.CASES.values():
        assert case.paper.startswith(f"{sum(case.trials) / 10.0:.1f} ±")


def test_the_picture() -> None:
    figure = drawn(table_5.EXPERIMENT, results([4, 4], [2, 2]))
    assert [len(axes.lines) for axes in figure.axes] == [3] * 4
