"""The same question, too often."""

from __future__ import annotations

from dactyl.farm import polling
from dactyl.farm.polling import PollLimit


def test_the_same_question_waits_and_another_does_not() -> None:
    now = [100.0]
    limit = PollLimit(2.0, lambda: now[0])
    assert limit.wait(1) == 0.0
    now[0] += 0.5
    assert limit.wait(1) == 1.5
    assert limit.wait(2) == 0.0
    now[0] += 1.5
    assert limit.wait(1) == 0.0, "what was refused did not count"
    assert limit.wait(1) == 2.0


def test_old_questions_are_forgotten() -> None:
    """Protects the server's memory."""
    now = [0.0]
    limit = PollLimit(1.0, lambda: now[0])
    for question in range(3 * polling.MOST):
        now[0] += 0.01
        assert limit.wait(question) == 0.0
    assert len(limit._answered) <= polling.MOST
