"""Nothing long is silent: a line now and then where the output is no terminal."""

from __future__ import annotations

import io
import time

from dactyl.status_line import StatusLine, duration


def test_a_file_gets_a_line_now_and_then_though_nothing_new_is_shown() -> None:
    """Protects people from wondering, also in one long step."""
    file = io.StringIO()
    with StatusLine("rendering", file, every=0.05):
        time.sleep(0.4)
    lines = file.getvalue().splitlines()
    assert 3 <= len(lines) <= 8
    assert lines[0] == "rendering, after 0:00:00"


def test_the_newest_text_is_shown_with_the_time_left() -> None:
    file = io.StringIO()
    with StatusLine("a", file, every=0.05) as line:
        line.show("b", 3661.0)
        time.sleep(0.12)
    assert file.getvalue().splitlines()[0] == "b, after 0:00:00, at most 1:01:01 left"


def test_what_somebody_else_says_is_news_enough() -> None:
    file = io.StringIO()
    with StatusLine("a", file, every=0.3) as line:
        for _ in range(5):
            time.sleep(0.1)
            line.said()
    assert file.getvalue() == ""


def test_a_terminal_has_one_line_which_goes_in_the_end() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    with StatusLine("a", terminal):
        time.sleep(0.7)
    assert terminal.getvalue() == "\ra, after 0:00:00\x1b[K\r\x1b[K"


def test_durations() -> None:
    assert duration(3661.4) == "1:01:01"
