"""Standard output that may give out: what was measured is saved all the same.

A reader that has gone (`| head -1`) wanted no more, which is no error. On a full disk the rest of what is printed is
lost: the command goes on, and says so at its end.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO


class Output:
    """A text stream that stays usable when nobody takes what is written: it then drops the rest."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without an arrow or a degree sign gets a question mark
        self.failure: OSError | None = None
        """Why something was lost; None where all was taken, or the reader went."""
        self._gone = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """As a file's; never raises OSError."""
        if not self._gone:
            with self._noting():
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """As a file's; never raises OSError."""
        if not self._gone:
            with self._noting():
                self._stream.flush()

    @contextlib.contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._gone = True
            if error.errno != errno.EPIPE:
                self.failure = error
            self._let_go()

    def _let_go(self) -> None:
        """Lead what is still in buffers to nowhere, or Python complains about it at its end."""
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
            self._stream.flush()


@contextlib.contextmanager
def patient_output() -> Iterator[Output]:
    """Within it, nothing that is printed can end a command. What standard output did not take is in `failure`."""
    before = sys.stdout, sys.stderr
    out, messages = (Output(stream or io.StringIO()) for stream in before)  # None: it was closed from the beginning
    sys.stdout, sys.stderr = out, messages
    try:
        yield out
    finally:
        out.flush()
        messages.flush()
        sys.stdout, sys.stderr = before
