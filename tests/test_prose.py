"""README, docs and the other pages people read: short sentences, and links that lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import median

import pytest

from dactyl.learning.presets import read_preset

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*.md")])
LONGEST, MEDIAN = 35, 16
NOT_THERE = {
    "config/randomization.yaml", "hand/", "task/",  # what was not done, and what was
    "src/dactyl/dactyl/robots/tray/", "src/dactyl/dactyl/tasks/slide/",  # what a reader would make
}  # fmt: skip
TABLES = {"experiments.md", "results.md"}
"""Pages of figures: a sentence between two tables may be longer than elsewhere, but no longer than the longest."""


def sentences(page: str) -> list[str]:
    """What is read as prose: no code, tables, headings or pictures; a link or a piece of code counts by its words."""
    page = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    blocks: list[str] = [""]
    code = False
    for line in page.splitlines():
        text = line.strip()
        code = line.startswith("    ") and (code or not blocks[-1])
        if code or not text or text.startswith(("|", "#", "![", "<", "---")):
            blocks.append("")
            continue
        item = re.match(r"(?:[-*]|\d+\.) (?:\[ \] )?(.*)", text)
        if item:
            blocks.append(item[1])
        else:
            blocks[-1] += f" {text}"
    found: list[str] = []
    for block in blocks:
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", block)
        plain = re.sub(r"`[^`]*`", "CODE", plain.replace("**", "").replace("*", ""))
        found += re.split(r"(?<=[.!?:])\s+(?=[A-Z0-9(−…])", plain.strip()) if plain.strip() else []
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_sentences_are_short(page: Path) -> None:
    """Protects readers, many of whom read English as their second language."""
    found = [(len(sentence.split()), sentence) for sentence in sentences(page.read_text())]
    long = [f"{words} words: {sentence}" for words, sentence in found if words > LONGEST]
    assert not long, "\n".join(long)
    if page.name not in TABLES:
        assert median(words for words, _ in found) <= MEDIAN


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Protects readers from pages, pictures and headings that were moved."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        other = page.parent / name if name else page
        assert other.exists(), f"{page.name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", other.read_text(), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in anchors, f"{page.name}: {target}"


def test_named_files_are_there() -> None:
    """Protects readers from files that were renamed: what stands as `folder/file.ext` in a page, or as `folder/`."""
    package = ROOT / "src" / "dactyl" / "dactyl"
    for page in (page for page in PAGES if page.name != "CHANGELOG.md"):
        for name in re.findall(r"`(?:dactyl/)?([\w.-]+(?:/[\w.-]+)*/(?:[\w.-]+\.\w+)?)`", page.read_text()):
            folders = (ROOT, package, ROOT / "src" / "dactyl", page.parent)
            assert name in NOT_THERE or any((folder / name).exists() for folder in folders), f"{page.name}: {name}"


def test_the_guides_preset_is_one(tmp_path: Path) -> None:
    """Protects whoever copies it out of docs/training.md."""
    block = (ROOT / "docs" / "training.md").read_text().partition("    # my.yaml")[2].partition("    ./dactyl")[0]
    preset = tmp_path / "my.yaml"
    preset.write_text("#" + block.replace("\n    ", "\n"))
    assert len(read_preset(str(preset)).stages) == 1


def test_quoted_code_is_the_codes() -> None:
    """Protects whoever copies from a page: what says where it is from is there, word for word."""
    quoted = [
        (page.name, ROOT / source, code)
        for page in PAGES
        for source, code in re.findall(r"^```\w+\n# from (\S+)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    ]
    assert len(quoted) > 5
    for name, source, code in quoted:
        assert code in source.read_text(), f"{name}: {source} has no longer\n{code}"


def test_the_measure_sees_sentences() -> None:
    """Protects the limits from a measure that overlooks prose, or takes code and tables for it."""
    prose = "One two three.\nFour [five](x.md) `six seven`. `Eight` nine.\n"
    page = f"# No\n\n{prose}\n    code is none\n\n| no |\n\n- ten\n  eleven\n"
    assert sentences(page) == ["One two three.", "Four five CODE.", "CODE nine.", "ten eleven"]
