"""Two programs that would mix their files in one folder: the second is refused, the first is not disturbed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dactyl.errors import DactylError
from dactyl.storage.locks import locked

HOLD = "import sys; from pathlib import Path; from dactyl.storage.locks import locked\nwith locked(Path(sys.argv[1])): print(1, flush=True); input()"  # noqa: E501


def test_a_second_one_is_refused_while_the_first_works(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    with locked(folder), pytest.raises(DactylError, match=r"another process works in .*folder"), locked(folder):
        pass
    with locked(folder):
        pass


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(DactylError, match="another process"), locked(tmp_path):
            pass
        other.kill()
    with locked(tmp_path):
        pass


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DactylError, match=r"cannot write to .*file"), locked(tmp_path / "file"):
        pass
