"""Processes that are started as in a terminal, though whoever runs the tests may outlive its own (nohup)."""

from __future__ import annotations

import signal


def in_a_terminal() -> None:
    """For `preexec_fn`: the signals that a terminal sends end the process."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
