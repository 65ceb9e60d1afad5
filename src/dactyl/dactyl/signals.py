"""Which signals end a program in order."""

from __future__ import annotations

import signal


def ends() -> tuple[signal.Signals, ...]:
    """ctrl-C, `kill`, and a terminal that goes away: unless that is to be outlived, as under `nohup`."""
    outlived = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    return (signal.SIGINT, signal.SIGTERM) if outlived else (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
