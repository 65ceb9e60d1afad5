"""Digests differ where what they are of does."""

from __future__ import annotations

from pathlib import Path

import pytest

from dactyl.errors import DactylError
from dactyl.storage.digests import digest, file_hash


def test_a_digest_does_not_depend_on_an_order() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest([1, 2]) != digest([2, 1])


def test_files_of_one_content_have_one_hash(tmp_path: Path) -> None:
    first, second, other = (tmp_path / name for name in "abc")
    for path, content in ((first, b"1"), (second, b"1"), (other, b"2")):
        path.write_bytes(content)
    assert file_hash(first) == file_hash(second) != file_hash(other)
    with pytest.raises(DactylError, match=r"cannot read .*nothing"):
        file_hash(tmp_path / "nothing")
