"""Table 3's rows: simulation beside simulation, and nothing in the place of a hand."""

from __future__ import annotations

from dactyl.reproduction.experiment import Size
from dactyl.reproduction.experiments import table_3
from tests.reproduction.experiments.synthetic import drawn, judged

RESULTS = {name: judged([50, 10, 3]) for name in table_3.CASES}


def test_each_row_has_ours_and_the_papers() -> None:
    rows = table_3.rows(RESULTS)
    assert len(rows) == 8
    first = rows[0]
    assert first.paper == "43.4 ± 13.8, median 50, 100 trials"
    assert first.ours.startswith("**21.0 ± 25.4**, median 10")
    assert all(row.ours == "no hand, no figure" for row in rows[4:])


def test_the_papers_trials_have_the_papers_means() -> None:
    """Protects from a slip in copying: ten trials each, sorted, whose mean stands beside them."""
    for case in table_3.CASES.values():
        assert len(case.trials) == 10
        assert list(case.trials) == sorted(case.trials, reverse=True)
        assert f"{sum(case.trials) / 10.0:.1f} ±" in case.physical


def test_the_picture_has_each_row_with_ours_and_the_papers_trials() -> None:
    figure = drawn(table_3.EXPERIMENT, RESULTS)
    assert [len(axes.lines) for axes in figure.axes] == [2] * 4
    assert figure.axes[0].lines[0].get_ydata().tolist() == [50, 10, 3]


def test_vision_is_judged_with_the_estimator() -> None:
    """Protects a finished vision row from another estimator's weights."""
    steps = {step.name: step for step in table_3.plan(Size())}
    names = {name: [path.name for path in step.files] for name, step in steps.items()}
    assert names["vision"] == ["policy.safetensors", "estimator.safetensors"]
    assert names["block"] == ["policy.safetensors"]
    assert "pictures" in steps["vision"].work
