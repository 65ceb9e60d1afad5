"""A process within limits: it ends, whatever it does."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dactyl.farm import watch
from dactyl.farm.options import Limits

FOREVER = "import time\nwhile True: time.sleep(0.05)"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.setattr(watch, "PERIOD", 0.05)

    def run(
        code: str,
        actions: Callable[[], int] = lambda: 1,
        look: Callable[[], bool] = lambda: True,
        patience: float = 5.0,
        **limits: float,
    ) -> str:
        command = [sys.executable, "-c", code]
        return watch.run(command, tmp_path / "log.txt", Limits(**limits), actions, look, patience)

    return run


def test_what_ends_by_itself_is_no_failure_and_its_words_are_kept(run: Callable[..., str], tmp_path: Path) -> None:
    assert run("import sys; print('out', flush=True); print('err', file=sys.stderr)") == ""
    assert (tmp_path / "log.txt").read_text() == "out\nerr\n"


def test_a_crash_is_named(run: Callable[..., str]) -> None:
    assert run("raise SystemExit(2)") == "the run ended with exit code 2"
    assert run("import os; os.kill(os.getpid(), 9)") == "the run was killed by signal 9"


def test_a_late_first_action_ends_the_run(run: Callable[..., str]) -> None:
    """Protects a robot from a policy that never begins."""
    assert run(FOREVER, actions=lambda: 0, first_action=0.3) == "no action came within 0.3 s"


def test_silence_after_actions_ends_the_run(run: Callable[..., str]) -> None:
    """Protects a robot from a graph that hangs."""
    assert run(FOREVER, actions=lambda: 5, silence=0.3) == "no further action came for 0.3 s"


def test_actions_keep_a_run_alive_but_not_for_ever(run: Callable[..., str]) -> None:
    start = time.monotonic()
    acting = lambda: int((time.monotonic() - start) * 100)  # noqa: E731
    assert run(FOREVER, actions=acting, silence=0.3, longest=1.0) == "it took longer than 1 s"
    assert time.monotonic() - start >= 1.0


def test_garbage_is_kept_and_too_much_of_it_ends_the_run(
    run: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the disk."""
    assert run("import os, sys; sys.stdout.buffer.write(bytes(range(256)) * 10)") == ""
    assert (tmp_path / "log.txt").stat().st_size == 2560
    monkeypatch.setattr(watch, "LOG_BYTES", 2**20)
    assert run("while True: print('x' * 1000)") == "it printed more than 1 MB"


def test_who_ignores_sigterm_is_killed_with_all_that_it_started(run: Callable[..., str], tmp_path: Path) -> None:
    """Protects the next job from what an earlier one left running."""
    code = (
        "import os, signal, subprocess, sys\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"child = subprocess.Popen([sys.executable, '-c', {FOREVER!r}])\n"
        f"open({str(tmp_path / 'child')!r}, 'w').write(str(child.pid))\n{FOREVER}"
    )
    assert run(code, longest=1.0, patience=0.2) == "it took longer than 1 s"
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 5.0
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(child)


def test_a_run_that_is_wanted_no_more_ends(run: Callable[..., str]) -> None:
    """Protects the second attempt of a job from the first."""
    with pytest.raises(watch.StoppedError):
        run(FOREVER, look=lambda: False)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
