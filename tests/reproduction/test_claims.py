"""The page of claims is what the shipped results say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dactyl.errors import DactylError
from dactyl.reproduction import catalogue, claims, engine, report
from dactyl.storage.shared import shared
from tests.reproduction.toys import Toy, choice

PAGE = f"# Title\n\nBefore.\n\n{claims.BEGIN}\n{claims.END}\n\nAfter.\n"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "docs" / "paper.md"
    path.parent.mkdir()
    path.write_text(PAGE)
    return path


def test_the_page_is_up_to_date() -> None:
    """Protects readers from figures that no shipped result has: ./dactyl reproduce --page makes it."""
    page = shared("docs", "paper.md")
    assert claims.renew(page, catalogue.everything(), page.parent / "reproduced") == page.read_text()


def test_what_is_not_shipped_says_its_command_and_cost(page: Path) -> None:
    text = claims.renew(page, [Toy().experiment()], page.parent / "reproduced")
    assert "| **Table 0**: a toy |  | not run yet: `./dactyl reproduce toy`, about 0:05 h | It is a toy. |" in text
    assert text.startswith("# Title\n\nBefore.\n\n")
    assert text.endswith(f"{claims.END}\n\nAfter.\n")


def test_what_is_shipped_stands_claim_by_claim(page: Path, tmp_path: Path) -> None:
    toy, docs = Toy().experiment(), page.parent / "reproduced"
    folder = engine.run(toy, choice(tmp_path / "runs"), lambda text: None)[0].parent
    report.ship(toy, folder, docs)
    claims.write(page, [toy], docs)
    text = page.read_text()
    assert "| what third gives | 7 / 8 | 3 | all |" in text
    assert "](reproduced/toy/rows.md)" in text
    assert claims.renew(page, [toy], docs) == text, "once more changes nothing"


def test_a_result_that_would_come_out_otherwise_now_says_so(page: Path, tmp_path: Path) -> None:
    """Protects readers from figures of weights, or settings, that are no longer those of the command."""
    toy, docs = Toy(), page.parent / "reproduced"
    report.ship(toy.experiment(), engine.run(toy.experiment(), choice(tmp_path), lambda text: None)[0].parent, docs)
    assert "since then" not in claims.renew(page, [toy.experiment()], docs)
    toy.settings["first"] = 9
    text = claims.renew(page, [toy.experiment()], docs)
    assert "](reproduced/toy/rows.md); since then, in first, settings.value was 1 and is 9 |" in text


def test_a_shipped_result_of_an_older_plan_is_refused(page: Path, tmp_path: Path) -> None:
    toy, docs = Toy(), page.parent / "reproduced"
    folder = engine.run(toy.experiment(), choice(tmp_path / "runs"), lambda text: None)[0].parent
    report.ship(toy.experiment(), folder, docs)
    result = docs / "toy" / report.RESULT
    document = json.loads(result.read_text())
    del document["results"]["steps"]["second"]
    result.write_text(json.dumps(document))
    with pytest.raises(DactylError, match="is of an older plan, without second"):
        claims.renew(page, [toy.experiment()], docs)


@pytest.mark.parametrize("text", ["no markers", claims.BEGIN, f"{claims.END} {claims.BEGIN}"])
def test_a_page_without_a_place_is_one_line(page: Path, text: str) -> None:
    page.write_text(text)
    with pytest.raises(DactylError, match="has no place for the claims"):
        claims.renew(page, [], page.parent)
    with pytest.raises(DactylError, match="cannot read"):
        claims.renew(page.parent / "none.md", [], page.parent)


def test_a_shipped_result_of_another_kind_is_one_line(page: Path, tmp_path: Path) -> None:
    """Protects from a traceback, and from a row of half a result."""
    toy, docs = Toy().experiment(), page.parent / "reproduced"
    report.ship(toy, engine.run(toy, choice(tmp_path / "runs"), lambda text: None)[0].parent, docs)
    result = docs / "toy" / report.RESULT
    result.write_text(result.read_text().replace('"value"', '"worth"'))
    with pytest.raises(DactylError, match=r"are not those of toy: KeyError\('value'\)"):
        claims.renew(page, [toy], docs)
