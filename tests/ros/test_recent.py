"""What was counted lately."""

from __future__ import annotations

from dactyl.ros.recent import WINDOW, Recent


def test_counts_are_news_for_the_window_and_then_no_more() -> None:
    """Protects from warnings that stay for ever, and from those that nobody had time to see."""
    recent = Recent()
    assert recent.grown({}, 100.0) == {}
    assert recent.grown({"late": 2}, 101.0) == {"late": 2}
    assert recent.grown({"late": 2}, 100.9 + WINDOW) == {"late": 2}
    assert recent.grown({"late": 2}, 101.1 + WINDOW) == {}
    assert recent.grown({"late": 5}, 102.0 + WINDOW) == {"late": 3}


def test_what_was_counted_before_the_first_look_is_news() -> None:
    """Protects a node that refuses its first message within its first second."""
    assert Recent().grown({"late": 1}, 5.0) == {"late": 1}
