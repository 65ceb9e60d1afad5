"""What happens when nobody takes what is printed: the work is done and saved all the same."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from dactyl.commands.output import patient_output


def test_a_reader_that_has_gone_wanted_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", buffering=1) as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        with patient_output() as output:
            print("one")
            print("two")
        assert output.failure is None


def test_what_a_full_disk_did_not_take_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        with patient_output() as output:
            print("one")
        assert output.failure is not None
        assert output.failure.strerror == "No space left on device"


def test_a_stream_that_takes_all_is_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout
    with patient_output() as output:
        print("one")
        assert output.isatty() == before.isatty()
    assert sys.stdout is before
    assert capsys.readouterr().out == "one\n"
    assert output.failure is None


def test_standard_output_may_be_closed_from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with >&- in a shell."""
    monkeypatch.setattr(sys, "stdout", None)
    with patient_output() as output:
        print("one")
    assert output.failure is None


def test_a_terminal_that_lacks_a_letter_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects PYTHONIOENCODING=ascii and old locales from a traceback for an arrow."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii", line_buffering=True))
    with patient_output():
        print("90° → 1")
        assert written.getvalue() == b"90? ? 1\n"
