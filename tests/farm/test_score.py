"""Scores from recorded truth."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from dactyl.errors import DactylError
from dactyl.farm import score
from dactyl.maths import quaternion
from tests.farm.made_up import DROPPED, FIRST, GOAL, GOALS, JOB, REACHED, SCORE, STATUS, TRUTH, write_run


def test_a_trial_is_worth_what_the_truth_says(tmp_path: Path) -> None:
    """Protects the figure of merit: one goal, then a drop after 20 control steps of 80 ms."""
    write_run(tmp_path / "bag")
    run = score.read(tmp_path / "bag")
    (trial,) = score.score(run, JOB)
    assert {name: value for name, value in asdict(trial).items() if name != "errors"} == pytest.approx(SCORE)
    left = float(quaternion.difference_angle(GOALS[0], GOALS[1]))
    assert trial.errors == pytest.approx((left,))
    assert [len(shown) for shown in score.goals(run)] == [2]
    np.testing.assert_allclose(score.goals(run)[0][0]["orientation"], GOALS[0])


def test_the_summary_tells_all_trials() -> None:
    trials = [score.TrialScore(n, "dropped", 1.0, (None,)) for n in (1, 2, 6)]
    summary = score.summary(JOB, trials)
    assert (summary["mean"], summary["median"], summary["goals_reached"]) == (3.0, 2, 9)
    assert summary["std"] == pytest.approx(np.std([1, 2, 6], ddof=1))
    assert summary["rules"]["timeout"] == 80.0


@pytest.mark.parametrize(
    ("topic", "tick", "said"),
    [
        (TRUTH, FIRST + 3, "where the object was"),
        (TRUTH, DROPPED, "where the object was"),
        (STATUS, FIRST, "the beginning of trial 0"),
        (STATUS, FIRST + 3, "control steps"),
        (GOAL, REACHED, "lacks a goal"),
    ],
)
def test_a_recording_that_lacks_something_has_no_score(topic: str, tick: int, said: str, tmp_path: Path) -> None:
    """Protects results from a figure that is only part of the truth."""
    write_run(tmp_path / "bag", without=[(topic, tick)])
    with pytest.raises(DactylError, match=said):
        score.score(score.read(tmp_path / "bag"), JOB)


def test_a_lost_last_step_of_the_referee_is_no_lack(tmp_path: Path) -> None:
    """Protects runs whose last message was lost with its node: the truth of that step tells the same."""
    write_run(tmp_path / "bag", without=[(STATUS, DROPPED)])
    (trial,) = score.score(score.read(tmp_path / "bag"), JOB)
    assert (trial.successes, trial.reason) == (1, "dropped")


def test_a_trial_that_goes_on_after_its_end_is_refused(tmp_path: Path) -> None:
    """Protects the server's own truth: with one goal to reach, the trial was complete when it was reached."""
    write_run(tmp_path / "bag")
    only = replace(JOB, goal=(0.0, -0.04, 0.35, *GOALS[0].tolist()))
    with pytest.raises(DactylError, match="goes on after its end"):
        score.score(score.read(tmp_path / "bag"), only)


def test_a_goal_that_was_not_truly_reached_does_not_count(tmp_path: Path) -> None:
    """Protects the score from a referee that believes otherwise: result.check_referee then refuses the run."""
    write_run(tmp_path / "bag", reached=DROPPED + 1)
    (trial,) = score.score(score.read(tmp_path / "bag"), JOB)
    assert trial.successes == 0


def test_other_trials_than_asked_for_are_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "bag")
    with pytest.raises(DactylError, match="holds 1 trials, and 2 were asked for"):
        score.score(score.read(tmp_path / "bag"), replace(JOB, trials=2))


def test_a_damaged_bag_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "bag")
    (file,) = (tmp_path / "bag").glob("*.mcap")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DactylError, match="damaged"):
        score.read(tmp_path / "bag")


def test_the_rules_are_the_tasks_but_for_what_is_asked() -> None:
    assert score.rules(JOB).timeout == 80.0
    asked = score.rules(replace(JOB, seconds=15.0, goal=(0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)))
    assert (asked.timeout, asked.max_successes) == (15.0, 1)
    other = score.rules(replace(JOB, seconds=15.0, rules="{timeout: 3.0, max_successes: 2}"))
    assert (other.timeout, other.max_successes) == (15.0, 2)


def test_without_a_truth_the_referees_word_counts() -> None:
    """Protects the way for a real robot, which has no truth."""
    (trial,) = score.of_referee([SCORE], JOB)
    assert (trial.successes, trial.reason, trial.seconds) == (1, "dropped", 1.6)
    assert score.summary(JOB, [trial], "referee")["by"] == "referee"
    for told in (None, [], [SCORE, SCORE], [{}], ["x"], 3, [{"successes": "many", "reason": "", "seconds": 0}]):
        with pytest.raises(DactylError, match="referee"):
            score.of_referee(told, JOB)
