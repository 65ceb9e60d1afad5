"""Presets: files laid over each other, every wrong key and value named."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dactyl.errors import DactylError
from dactyl.storage import presets


@dataclass(frozen=True)
class Word:
    """May also be one word."""

    length: int = 0

    @classmethod
    def from_config(cls, value: Any, where: str, default: Any) -> Word:
        return cls(len(value)) if isinstance(value, str) else presets.parse_fields(cls, value, where, default)


@dataclass(frozen=True)
class Inner:
    """A part."""

    rate: float = 0.5
    sizes: tuple[int, ...] = (1, 2)
    pair: tuple[float, str] = (0.0, "a")

    def __post_init__(self) -> None:
        if self.rate < 0:
            raise DactylError(f"rate {self.rate} is negative")


@dataclass(frozen=True)
class Outer:
    """The whole."""

    inner: Inner = field(default_factory=lambda: Inner(rate=0.25))
    word: Word = Word()
    other: Inner | None = None
    weights: dict[str, float] = field(default_factory=dict)
    on: bool = False


def test_values_reach_their_place_and_the_rest_keeps_its_default() -> None:
    values = {"inner": {"sizes": [3]}, "other": {"rate": "1e-3", "pair": [1, "b"]}, "weights": {"a": 2}, "on": True}
    parsed = presets.parse(Outer, values)
    assert parsed.inner == Inner(rate=0.25, sizes=(3,))
    assert parsed.other == Inner(rate=1e-3, pair=(1.0, "b"))
    assert (parsed.weights, parsed.on, parsed.word) == ({"a": 2.0}, True, Word(0))
    assert presets.parse(Outer, {"other": None}).other is None


def test_a_dataclass_may_read_its_own_values() -> None:
    """Protects short forms, such as the names of groups of randomizations."""
    assert presets.parse(Outer, {"word": "four"}).word == Word(4)
    assert presets.parse(Outer, {"word": {"length": 9}}).word == Word(9)
    with pytest.raises(DactylError, match=r"unknown key word\.len: choose from length"):
        presets.parse(Outer, {"word": {"len": 9}})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"iner": {}}, "unknown key iner: choose from inner, .*; did you mean inner?"),
        ({"inner": {"rate": "fast"}}, r"inner\.rate: expected float, not 'fast'"),
        ({"inner": {"rate": -1}}, "inner: rate -1.0 is negative"),
        ({"inner": {"sizes": [1.5]}}, r"inner\.sizes\[0\]: expected int, not 1.5"),
        ({"inner": {"pair": [1]}}, r"inner\.pair: expected"),
        ({"on": 1}, "on: expected bool, not 1"),
        ({"weights": {"a": "b"}}, r"weights\.a: expected float"),
        ([], r"the file: expected a mapping, not \[\]"),
    ],
)
def test_wrong_values_are_refused_by_name(values: Any, message: str) -> None:
    with pytest.raises(DactylError, match=message):
        presets.parse(Outer, values)


def test_a_file_is_laid_over_those_that_it_extends(tmp_path: Path) -> None:
    (tmp_path / "first.yaml").write_text("a: {x: 1, y: 1}\nb: {x: 1, y: 1}\nc: 1")
    (tmp_path / "second.yaml").write_text("extends: first\na: {y: 2}\nb: {y: 2}")
    mine = tmp_path / "elsewhere" / "mine.yaml"
    mine.parent.mkdir()
    mine.write_text("extends: second\nc: 3")
    values = presets.read(str(mine), [tmp_path], "test", whole=["b"])
    assert values == {"a": {"x": 1, "y": 2}, "b": {"y": 2}, "c": 3}


def test_a_file_of_ones_own_is_found_beside_the_one_that_extends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From wherever the command is given."""
    (tmp_path / "first.yaml").write_text("a: 1")
    (tmp_path / "second.yaml").write_text("extends: first.yaml\nb: 2")
    assert presets.read(str(tmp_path / "second.yaml"), [tmp_path / "none"], "test") == {"a": 1, "b": 2}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "first.yaml").write_text("a: 3")
    (tmp_path / "first.yaml").unlink()
    monkeypatch.chdir(elsewhere)
    assert presets.read(str(tmp_path / "second.yaml"), [tmp_path / "none"], "test") == {"a": 3, "b": 2}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [", "mine.yaml:1 is not YAML"),
        (b"\xff\xfe", "cannot read"),
        (b"[]", "expected a mapping"),
        (b"extends: mine", "test preset mine extends itself"),
        (b"extends: other", "there is no test preset other: choose from mine, or name a .yaml file"),
    ],
)
def test_files_that_cannot_be_read_are_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "mine.yaml").write_bytes(content)
    with pytest.raises(DactylError, match=message) as caught:
        presets.read("mine", [tmp_path], "test")
    assert "\n" not in str(caught.value)


def test_a_longer_circle_is_found_too(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("extends: b")
    (tmp_path / "b.yaml").write_text("extends: a")
    with pytest.raises(DactylError, match="test preset a extends itself"):
        presets.read("a", [tmp_path], "test")


def test_a_preset_is_found_in_the_first_folder_that_has_it(tmp_path: Path) -> None:
    """Protects presets that a task brings: its folder comes after the repository's."""
    for number, names in enumerate((["ours"], ["ours", "theirs"])):
        (tmp_path / str(number)).mkdir()
        for name in names:
            (tmp_path / str(number) / f"{name}.yaml").write_text(f"folder: {number}")
    folders = [tmp_path / "0", tmp_path / "1"]
    assert presets.read("ours", folders, "test") == {"folder": 0}
    assert presets.read("theirs", folders, "test") == {"folder": 1}
    with pytest.raises(DactylError, match="there is no test preset none: choose from ours, theirs"):
        presets.read("none", folders, "test")
