"""Files are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dactyl.storage.files import write_atomically


def test_a_file_is_replaced_by_bytes_or_text(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"one")
    write_atomically(path, "zwei ä")
    assert path.read_text() == "zwei ä"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("failing", ["write_bytes", "replace"])
def test_a_failure_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """Protects weights and results on a disk that is full."""

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    path = tmp_path / "file"
    path.write_text("old")
    monkeypatch.setattr(*((Path, failing) if failing == "write_bytes" else (os, failing)), fail)
    with pytest.raises(OSError, match="no space"):
        write_atomically(path, b"new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_written_through(tmp_path: Path) -> None:
    """Protects /dev/stdout, a link, from being replaced by a file."""
    (tmp_path / "target").touch()
    link = tmp_path / "link"
    link.symlink_to("target")
    write_atomically(link, "text")
    assert link.is_symlink()
    assert (tmp_path / "target").read_text() == "text"


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    """Protects `--json >(jq .)`."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_atomically(pipe, "text")
    assert os.read(reader, 10) == b"text"
    os.close(reader)
