"""YAML that people write."""

from __future__ import annotations

from pathlib import Path

import pytest

from dactyl.errors import DactylError
from dactyl.storage.yaml_files import load


def file(folder: Path, content: str | bytes) -> Path:
    path = folder / "file.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("", None),
        ("# nothing\n", None),
        ("a: [1, 0.5]\nb: {c: text}\n", {"a": [1, 0.5], "b": {"c": "text"}}),
        (b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        (
            "base: &base {a: 1, b: 2}\nmine:\n  <<: *base\n  b: 3\n",
            {"base": {"a": 1, "b": 2}, "mine": {"a": 1, "b": 3}},
        ),
    ],
)
def test_what_yaml_allows_is_read(tmp_path: Path, content: str | bytes, value: object) -> None:
    """Protects editors of other systems, and anchors, which spare repetition."""
    assert load(file(tmp_path, content)) == value


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: 1\nb: [1, 2\n", ":3 is not YAML: "),
        ("a: 1\n\tb: 2\n", ":2 is not YAML: "),
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", ":4: b is there twice, first in line 2"),
        ("a: !!python/object:os.system x\n", ":1 is not YAML: could not determine a constructor"),
        ("a: *nobody\n", ":1 is not YAML: found undefined alias"),
        ("a: &a\n  b: *a\n", "it contains itself"),
        ("a: 1\n---\nb: 2\n", ":2 is not YAML: but found another document"),
        ("a: 2026-13-01\n", ":1: month must be in 1..12"),
        (b"a: \xff\n", "it is no text in UTF-8"),
        (b"a: \x00\n", "is not YAML"),
        ("[" * 3000, "recursion"),
        ("? [a, b]\n: 1\n", "unhashable"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(tmp_path: Path, content: str | bytes, message: str) -> None:
    """Protects whoever edits a file; a key that is there twice would silently lose its first value."""
    with pytest.raises(DactylError) as error:
        load(file(tmp_path, content))
    assert message in str(error.value)
    assert "file.yaml" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Protects from a traceback for a folder's name."""
    for path in (tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(DactylError, match=f"cannot read {path}: "):
            load(path)
