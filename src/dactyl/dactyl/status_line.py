"""How far something long is: one line that changes on a terminal, and a new line now and then anywhere else.

with StatusLine() as line:
    for number in range(100):
        line.show(f"{number} of 100 done")
"""

from __future__ import annotations

import sys
import threading
import time
from math import isfinite
from typing import TextIO

EVERY = 30.0
"""s between two lines in a file or a pipe; half of what a person is promised, for the machine may be busy."""


def duration(seconds: float) -> str:
    """hours:minutes:seconds."""
    return f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02d}:{int(seconds % 60):02d}"


class StatusLine:
    """Shows the last text that it was given, from a thread of its own: a step that takes long is no silence."""

    def __init__(self, text: str = "", terminal: TextIO | None = None, every: float | None = None) -> None:
        """
        Args:
            text: what is shown at first.
            terminal: standard error by default.
            every: s between two lines where that is no terminal; EVERY by default.
        """
        self._terminal = terminal or sys.stderr
        self._interactive = self._terminal.isatty()
        self._every = 0.5 if self._interactive else every or EVERY
        self._text, self._left = text, float("inf")
        self._start = self._said = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)

    def show(self, text: str, left: float = float("inf")) -> None:
        """What is true now, and how many seconds are left, if that is known."""
        self._text, self._left = text, left

    def said(self) -> None:
        """Somebody else has just written a line: the next one can wait."""
        self._said = time.monotonic()

    def seconds(self) -> float:
        """Since this was made."""
        return time.monotonic() - self._start

    def start(self) -> None:
        """Begin to show it, until `close`; or use it in a with statement."""
        self._thread.start()

    def close(self) -> None:
        """Show it no more."""
        self._ended.set()
        self._thread.join()
        if self._interactive:
            self._write("\r\x1b[K")

    def __enter__(self) -> StatusLine:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tell(self) -> None:
        wait = self._every
        while not self._ended.wait(wait):
            wait = self._said + self._every - time.monotonic()
            if wait <= 0.0:
                self._write(f"\r{self._line()}\x1b[K" if self._interactive else f"{self._line()}\n")
                self.said()
                wait = self._every

    def _line(self) -> str:
        left = f", at most {duration(self._left)} left" if isfinite(self._left) else ""
        return f"{self._text}, after {duration(self.seconds())}{left}"

    def _write(self, text: str) -> None:
        print(text, end="", file=self._terminal, flush=True)
