"""What figures are credited to."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dactyl import machine


def test_commit_tells_changed_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Protects figures from being credited to a commit whose source was changed; no checkout is no error."""
    module = tmp_path / "machine.py"
    module.write_text("1")
    monkeypatch.setattr(machine, "__file__", str(module))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert machine.commit() is None

    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "one"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    clean = machine.commit()
    assert clean is not None
    assert len(clean) == 12

    module.write_text("2")
    assert machine.commit() == f"{clean}+"
