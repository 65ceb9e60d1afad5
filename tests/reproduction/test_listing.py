"""The list says what is shipped, what is part done, and what it costs."""

from __future__ import annotations

from pathlib import Path

from dactyl.reproduction import engine, listing, report
from tests.reproduction.toys import Toy, choice


def state(toy: Toy, root: Path, docs: Path) -> str:
    """Of the toy, in the list."""
    lines = listing.as_text([toy.experiment()], choice(root), docs).splitlines()
    assert len(lines) == 2
    return lines[1]


def test_nothing_then_part_then_all_then_shipped(tmp_path: Path) -> None:
    toy, runs, docs = Toy(), tmp_path / "runs", tmp_path / "docs"
    assert "nothing yet" in state(toy, runs, docs)
    assert "about 0:05 h" in state(toy, runs, docs)
    files = engine.run(toy.experiment(), choice(runs), lambda text: None)
    assert f"3 of 3 steps done in {runs}" in state(toy, runs, docs)
    (runs / "toy" / "third.json").unlink()
    assert f"2 of 3 steps done in {runs}" in state(toy, runs, docs)
    report.ship(toy.experiment(), files[0].parent, docs)
    assert "shipped: " in state(toy, runs, docs)
    assert "commit" in state(toy, runs, docs)
    assert "outdated" not in state(toy, runs, docs)
    toy.versions["third"] = 2
    assert "(outdated: in third, version was 1 and is 2)" in state(toy, runs, docs)


def test_a_damaged_shipped_result_says_so(tmp_path: Path) -> None:
    """Protects from a damaged result that looks shipped."""
    result = tmp_path / "docs" / "toy" / report.RESULT
    result.parent.mkdir(parents=True)
    result.write_text("{")
    line = state(Toy(), tmp_path / "runs", tmp_path / "docs")
    assert "are damaged" in line
    assert "shipped: " not in line


def test_columns_never_run_into_each_other(tmp_path: Path) -> None:
    """Protects the cost, which a long state pushed away from its column."""
    runs = tmp_path / ("a long name of a folder " * 4)
    engine.run(Toy().experiment(), choice(runs), lambda text: None)
    head, *rows = listing.as_text(
        [Toy().experiment(), Toy().experiment("toy-too")], choice(runs), tmp_path
    ).splitlines()
    for column in ("of the paper", "cost on two cores", "state"):
        start = head.index(column)
        assert all(row[start - 1] == " " and row[start] != " " for row in rows)


def test_looking_changes_nothing(tmp_path: Path) -> None:
    state(Toy(), tmp_path / "runs", tmp_path / "docs")
    assert list(tmp_path.iterdir()) == []
