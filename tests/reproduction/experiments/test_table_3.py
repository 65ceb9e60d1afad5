"""Table 3's rows: simulation beside simulation, and the stand-in in the place of a hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from dactyl.reproduction import shipped, worlds
from dactyl.reproduction.experiment import Size
from dactyl.reproduction.experiments import table_3
from tests.reproduction.experiments.synthetic import drawn, judged

RESULTS: Mapping[str, Mapping[str, Any]] = {
    "block": judged([50, 10, 3]) | {"from": "models/block/evaluation.json", "commit": "abc"},
    "locked-wrist": judged([4]),
    "prism": judged([2]),
    "hand": {"changed": 1},
    "block-in-stand-in-1": judged([8]),
    "block-in-stand-in-2": judged([2]),
}


def test_each_row_has_ours_and_the_papers() -> None:
    rows = table_3.rows(RESULTS)
    assert len(rows) == 6
    first = rows[0]
    assert first.paper == "43.4 ± 13.8, median 50, 100 trials"
    assert first.ours.startswith("**21.0 ± 25.4**, median 10")
    assert rows[3].ours.startswith("in the stand-in: **5.0 ± 4.2**"), "all parts count"
    assert [row.ours for row in rows[4:]] == ["no hand, no figure"] * 2


def test_what_was_not_run_here_says_where_it_is_from() -> None:
    ours = [row.ours for row in table_3.rows(RESULTS)]
    assert ours[0].endswith("; models/block/evaluation.json, commit abc")
    assert "commit" not in ours[1]


def test_the_papers_trials_have_the_papers_means() -> None:
    """Protects from a slip in copying: ten trials each, sorted, whose mean stands beside them."""
    for case in table_3.CASES.values():
        assert len(case.trials) == 10
        assert list(case.trials) == sorted(case.trials, reverse=True)
        assert f"{sum(case.trials) / 10.0:.1f} ±" in case.physical


def test_the_picture_has_each_row_with_ours_and_the_papers_trials() -> None:
    figure = drawn(table_3.EXPERIMENT, RESULTS)
    assert [len(axes.lines) for axes in figure.axes] == [3, 2, 2]
    assert figure.axes[0].lines[0].get_ydata().tolist() == [50, 10, 3]


@pytest.mark.parametrize("name", table_3.CASES)
def test_each_policy_is_shipped_with_the_tables_evaluation(name: str) -> None:
    """Protects the table from 100 trials of other weights, of another world, or of one that something was chosen in."""
    case = table_3.CASES[name]
    folder, world = table_3.models.find(case.model), worlds.training_world("all")
    path = shipped.find(folder, world.randomization, table_3.TRIALS, case.seed)
    assert path is not None
    step = next(step for step in table_3.plan(Size()) if step.name == name)
    assert path in step.files
    assert step.settings["seed"] == case.seed


def test_the_block_is_judged_where_its_temperature_was_not_chosen() -> None:
    """Protects the figure from luck: of two temperatures the better one on the same worlds looks better than it is."""
    assert [case.seed for case in table_3.CASES.values()] == [1, 0, 0]


def test_a_shipped_evaluation_is_read_and_the_quick_form_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    path = table_3.models.find("block") / "evaluation-honest.json"
    monkeypatch.setattr(shipped, "find", lambda *_: path)
    full, quick = (next(s for s in table_3.plan(Size(quick)) if s.name == "block") for quick in (False, True))
    assert path in full.files
    assert "evaluation steps" not in full.work
    assert path not in quick.files
    assert "evaluation steps" in quick.work
