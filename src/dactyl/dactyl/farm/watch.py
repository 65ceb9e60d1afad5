"""Runs the process that plays a job, within limits: whatever it does, it ends, and the robot is free again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from dactyl.bringup.processes import with_parent
from dactyl.farm.options import Limits

PERIOD = 0.5
"""s between two looks."""
PATIENCE = 45.0
"""s that the process has to end by itself, its recorder's writing included, before it is killed."""
LOG_BYTES = 64 * 2**20
"""Of what it prints."""


class StoppedError(Exception):
    """Somebody else wants the run to end: the job has gone to another worker, or the farm is being closed."""


def run(
    command: Sequence[str],
    log: Path,
    limits: Limits,
    actions: Callable[[], int],
    look: Callable[[], bool],
    patience: float = PATIENCE,
) -> str:
    """Run a command to its end.

    Args:
        command: to run; it is to end upon SIGTERM, and all that it started with it.
        log: file for what it prints.
        limits: that it must keep.
        actions: how many actions there have been so far.
        look: called twice a second; False: the run is to end.
        patience: s between SIGTERM and SIGKILL.

    Returns:
        Why it failed; empty where it ended by itself and with 0.

    Raises:
        StoppedError: `look` said so.
        OSError: it cannot be started.
    """
    with log.open("wb") as printed:
        process = subprocess.Popen(
            [*with_parent(), *command],
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return _watch(process, log, limits, actions, look)
        finally:
            _end(process, patience)


def _watch(
    process: subprocess.Popen[bytes],
    log: Path,
    limits: Limits,
    actions: Callable[[], int],
    look: Callable[[], bool],
) -> str:
    began = last = time.monotonic()
    counted = 0
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(PERIOD)
            return "" if code == 0 else f"the run {_how(code)}"
        now = time.monotonic()
        if not look():
            raise StoppedError
        if (count := actions()) > counted:
            counted, last = count, now
        if why := _exceeded(limits, counted, now - began, now - last):
            return why
        if log.stat().st_size > LOG_BYTES:
            return f"it printed more than {LOG_BYTES >> 20} MB"


def _exceeded(limits: Limits, counted: int, running: float, silent: float) -> str:
    """Which limit is, if one is."""
    if running > limits.longest:
        return f"it took longer than {limits.longest:g} s"
    if not counted and running > limits.first_action:
        return f"no action came within {limits.first_action:g} s"
    if counted and silent > limits.silence:
        return f"no further action came for {limits.silence:g} s"
    return ""


def _end(process: subprocess.Popen[bytes], patience: float) -> None:
    """SIGTERM, and SIGKILL to the whole group, whether or not the first process of it is still there."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _how(code: int) -> str:
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
