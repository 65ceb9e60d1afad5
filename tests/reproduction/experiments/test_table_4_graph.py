"""Table 4's policies in the graph: trained once for both tables, and judged on the hand that nobody was told."""

from __future__ import annotations

from dactyl.reproduction.experiment import Size
from dactyl.reproduction.experiments import table_4, table_4_graph
from dactyl.reproduction.worlds import TRAINING
from tests.reproduction.experiments.synthetic import drawn, judged

RESULTS = {f"{world}-in-graph": judged([i, i + 2]) for i, world in enumerate(TRAINING)}


def test_the_trainings_are_table_4s_own() -> None:
    """Protects half a day from being trained twice: same settings, same folder."""
    theirs = {step.name: step for step in table_4.plan(Size())}
    shared = [step for step in table_4_graph.plan(Size()) if step.owner]
    assert [step.name for step in shared] == ["start", "hand", *(f"train-{world}" for world in TRAINING)]
    for step in shared:
        assert step.owner == table_4.EXPERIMENT.name
        assert (step.settings, step.files, step.needs) == (
            theirs[step.name].settings, theirs[step.name].files, theirs[step.name].needs,
        )  # fmt: skip


def test_each_is_judged_as_often_as_on_the_papers_hand() -> None:
    own = [step for step in table_4_graph.plan(Size()) if not step.owner]
    assert [step.needs for step in own] == [(f"train-{world}", "hand") for world in TRAINING]
    assert {step.settings["trials"] for step in own} == {len(trials) for _, trials in table_4.PAPER.values()}


def test_the_papers_hand_stands_beside_the_graph() -> None:
    rows = table_4_graph.rows(RESULTS)
    assert [row.paper for row in rows] == [text for text, _ in table_4.PAPER.values()]
    assert rows[1].ours.startswith("in the graph: **2.0 ± 1.4**")


def test_the_quick_form_has_the_rows_that_it_made() -> None:
    found = {"all-in-graph": RESULTS["all-in-graph"]}
    assert len(table_4_graph.rows(found)) == 1
    ours, theirs = drawn(table_4_graph.EXPERIMENT, found).axes
    assert len(ours.lines) == len(theirs.lines) == 1


def test_the_picture() -> None:
    ours, theirs = drawn(table_4_graph.EXPERIMENT, RESULTS).axes
    assert len(ours.lines) == len(theirs.lines) == len(TRAINING)
