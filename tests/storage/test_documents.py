"""YAML files of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from dactyl.errors import DactylError
from dactyl.storage.documents import read_yaml


def test_files_in_other_encodings_are_read(tmp_path: Path) -> None:
    """Protects files that were edited on another system."""
    for text, encoding in (("a: ü", "utf-8"), ("a: ü", "utf-8-sig"), ("\ufeffa: ü", "utf-16-le")):
        (tmp_path / "a.yaml").write_bytes(text.encode(encoding))
        assert read_yaml(tmp_path / "a.yaml", "the file") == {"a": "ü"}
    (tmp_path / "a.yaml").write_bytes(b"")
    assert read_yaml(tmp_path / "a.yaml", "the file") is None


@pytest.mark.parametrize(
    "content",
    [
        b"a: \xff\xfe\xfd",
        b"a: [",
        b"a: \x00",
        b"when: 2000-99-99",
        b"? {a: 1}\n: 2",
        b"[" * 5000,
        b"!!python/object:a.b {}",
    ],
)
def test_whatever_is_wrong_is_one_line(tmp_path: Path, content: bytes) -> None:
    """Protects people from tracebacks: PyYAML raises ValueError, TypeError and RecursionError too."""
    (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(DactylError, match=r"^the file .*a\.yaml is not YAML: .") as error:
        read_yaml(tmp_path / "a.yaml", "the file")
    assert "\n" not in str(error.value)


def test_what_cannot_be_opened_says_why(tmp_path: Path) -> None:
    """Protects a typing error from a stack trace."""
    with pytest.raises(DactylError, match=r"cannot read the file .*none: No such file"):
        read_yaml(tmp_path / "none", "the file")
    with pytest.raises(DactylError, match="Is a directory"):
        read_yaml(tmp_path, "the file")
