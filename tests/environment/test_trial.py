"""The accounts of a trial: what counts as reached, dropped, complete, out of time (appendix C.1, section 6.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from dactyl.environment import trial
from dactyl.errors import DactylError

PERIOD = 0.08  # s


@dataclass(frozen=True, kw_only=True)
class Rules(trial.TrialRules):
    """A task's: an angle and a distance."""

    timeout: float = 8.0
    max_successes: int = 50
    allowed: tuple[float, ...] = (0.4, 0.1)

    @property
    def tolerances(self) -> tuple[float, ...]:
        return self.allowed


ANGLE = Rules(allowed=(0.4,))


@pytest.fixture(params=[np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def array(request: pytest.FixtureRequest) -> Any:
    return request.param


# successes, steps spent on the goal before | angle, dropped || the same after | reached dropped complete timeout
TABLE = [
    ("on its way", 3, 10, 0.5, False, 3, 11, "----"),
    ("reached", 3, 10, 0.39, False, 4, 0, "r---"),
    ("the tolerance itself is not below it", 3, 10, 0.4, False, 3, 11, "----"),
    ("dropped", 3, 10, 2.0, True, 3, 11, "-d--"),
    ("turned right while falling", 3, 10, 0.1, True, 3, 11, "-d--"),
    ("the 50th goal", 49, 10, 0.1, False, 50, 0, "r-c-"),
    ("the 50th goal while falling", 49, 10, 0.1, True, 49, 11, "-d--"),
    ("99 steps are less than 8 s", 3, 98, 2.0, False, 3, 99, "----"),
    ("100 steps are 8 s", 3, 99, 2.0, False, 3, 100, "---t"),
    ("reached in the last step", 3, 99, 0.1, False, 4, 0, "r---"),
    ("the 50th goal in the last step", 49, 99, 0.1, False, 50, 0, "r-c-"),
    ("dropped in the last step: it ends once", 3, 99, 2.0, True, 3, 100, "-d--"),
    ("nowhere", 3, 10, np.nan, True, 3, 11, "-d--"),
    ("orientation lost", 3, 10, np.nan, False, 3, 11, "----"),
]


def test_accounts(array):
    """Every case of the table at once, so that environments are also shown not to touch each other."""
    names, successes, steps, angles, dropped, successes_after, steps_after, flags = zip(*TABLE, strict=True)
    state = trial.TrialState(array(np.array(successes)), array(PERIOD * np.array(steps)))
    errors = array(np.array(angles)[:, None])
    state, events = trial.advance(ANGLE, state, errors, array(np.array(dropped)), PERIOD)
    happened = [
        "".join(letter if flag else "-" for letter, flag in zip("rdct", row, strict=True))
        for row in zip(*(np.asarray(field) for field in events), strict=True)
    ]
    assert dict(zip(names, happened, strict=True)) == dict(zip(names, flags, strict=True))
    np.testing.assert_array_equal(state.successes, successes_after)
    np.testing.assert_allclose(state.goal_time, PERIOD * np.array(steps_after))
    np.testing.assert_array_equal(events.ended, [any(flag in "dct" for flag in row) for row in flags])


@pytest.mark.parametrize(("rules", "steps"), [(ANGLE, 100), (Rules(timeout=80.0), 1000)], ids=["8 s", "80 s"])
def test_timeout_starts_again_with_each_goal(rules, steps):
    """8 s (training) or 80 s (evaluation) for each goal, not for the trial; nothing is a step early or late."""
    state, never = trial.start(torch.zeros(1)), torch.zeros(1, dtype=torch.bool)
    for reached_at in (30, None):
        for step in range(1, steps + 1):
            errors = torch.tensor([[0.05 if step == reached_at else 2.0] * len(rules.tolerances)])
            state, events = trial.advance(rules, state, errors, never, PERIOD)
            if events.reached:
                break
            assert bool(events.timeout) == (step == steps)
    assert int(state.successes) == 1


def test_a_timeout_is_counted_in_the_robots_own_control_steps():
    """8 s are 80 steps of a robot that decides every 0.1 s."""
    never = torch.zeros(2, dtype=torch.bool)
    state = trial.TrialState(torch.zeros(2, dtype=torch.int64), torch.tensor([7.8, 7.9]))
    _, events = trial.advance(ANGLE, state, torch.full((2, 1), 2.0), never, 0.1)
    assert events.timeout.tolist() == [False, True]


def test_a_timeout_counts_the_time_that_steps_took(array):
    """80 s are 80 s, however much longer than nominal control steps are in an environment (appendix C.2's timing)."""
    durations = array(np.array([0.08, 0.088]))
    state, steps = trial.start(durations), np.zeros(2, int)
    running = np.ones(2, bool)
    while running.any():
        errors = array(np.full((2, 1), 2.0))
        state, events = trial.advance(Rules(timeout=80.0, allowed=(0.4,)), state, errors, array(~running), durations)
        steps += running
        running &= ~np.asarray(events.timeout)
    assert steps.tolist() == [1000, 909]


def test_a_goal_is_reached_when_every_error_is_below_its_tolerance(array):
    """Protects tasks with several errors: one that is small enough is not enough, and one that is unknown is not."""
    errors = [[0.39, 0.09], [0.39, 0.11], [0.41, 0.09], [0.4, 0.09], [0.39, 0.1], [0.39, np.nan], [np.nan, 0.09]]
    state = trial.start(array(np.zeros(len(errors))))
    state, events = trial.advance(Rules(), state, array(np.array(errors)), array(np.zeros(len(errors), bool)), PERIOD)
    assert np.asarray(events.reached).tolist() == [True] + [False] * 6
    assert np.asarray(state.successes).tolist() == [1] + [0] * 6


def test_restart_touches_the_masked_environments_only(array):
    state = trial.TrialState(array(np.array([3, 4, 5])), array(np.array([30, 40, 50])))
    state = trial.restart(state, array(np.array([False, True, False])))
    np.testing.assert_array_equal(state.successes, [3, 0, 5])
    np.testing.assert_array_equal(state.goal_time, [30, 0, 50])


def test_start_counts_from_zero(array):
    state = trial.start(array(np.ones(3)))
    assert np.asarray(state.successes).dtype == np.int64
    for field in state:
        np.testing.assert_array_equal(field, [0, 0, 0])


@pytest.mark.parametrize(
    "wrong", [{"max_successes": 0}, {"timeout": 0.0}, {"timeout": np.nan}, {"timeout": np.inf}], ids=str
)
def test_impossible_rules_are_refused(wrong):
    with pytest.raises(DactylError, match=f"{next(iter(wrong))} "):
        Rules(**wrong)


def test_rules_that_say_no_tolerances_cannot_be_made() -> None:
    """Protects a new task from rules that would fail at its first goal, hours into a training."""

    class Unfinished(trial.TrialRules):
        pass

    with pytest.raises(TypeError, match="tolerances"):
        Unfinished(timeout=1.0, max_successes=1)


@dataclass(frozen=True, kw_only=True)
class AtTheEnd(Rules):
    """Only where the object is when its time is up counts."""

    timeout: float = 8.0
    max_successes: int = 1

    @property
    def judged_at_timeout(self) -> bool:
        return True


def test_a_goal_that_is_judged_at_the_end_is_reached_in_its_last_step_only(array):
    """There before, and gone in the end, is a failure; late, and there in the end, is a success."""
    errors = [[0.1, 0.05], [0.1, 0.05], [1.0, 0.05], [0.1, 0.05], [np.nan, 0.05]]
    steps, dropped = [50, 99, 99, 99, 99], np.array([False, False, False, True, False])
    state = trial.TrialState(array(np.zeros(5, np.int64)), array(PERIOD * np.array(steps)))
    state, events = trial.advance(AtTheEnd(), state, array(np.array(errors)), array(dropped), PERIOD)
    assert np.asarray(events.reached).tolist() == [False, True, False, False, False]
    assert np.asarray(events.complete).tolist() == [False, True, False, False, False]
    assert np.asarray(events.timeout).tolist() == [False, False, True, False, True]
    assert np.asarray(events.dropped).tolist() == [False, False, False, True, False]
    assert np.asarray(state.successes).tolist() == [0, 1, 0, 0, 0]


def test_an_episode_that_is_judged_at_the_end_lasts_its_whole_time(array):
    """15 s at 50 Hz are 750 steps, in which being there ends nothing."""
    rules = AtTheEnd(timeout=15.0)
    there, never = array(np.zeros((1, 2))), array(np.zeros(1, bool))
    state, steps = trial.start(array(np.zeros(1))), 0
    while True:
        state, events = trial.advance(rules, state, there, never, 0.02)
        steps += 1
        if np.asarray(events.ended)[0]:
            break
    assert (steps, int(state.successes[0])) == (750, 1)
