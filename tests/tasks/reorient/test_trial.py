"""The accounts of a trial: what counts as reached, dropped, complete, out of time (appendix C.1, section 6.2)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from dactyl.errors import DactylError
from dactyl.tasks.reorient import trial

TRAINING = trial.TrialRules(timeout=trial.TRAINING_TIMEOUT)


@pytest.fixture(params=[np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def array(request: pytest.FixtureRequest) -> Any:
    return request.param


# successes and steps before | angle, dropped || successes and steps after | reached dropped complete timeout
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
    """Every case of the table at once, so that worlds are also shown not to touch each other."""
    names, successes, steps, angles, dropped, successes_after, steps_after, flags = zip(*TABLE, strict=True)
    state = trial.TrialState(array(np.array(successes)), array(np.array(steps)))
    state, events = trial.advance(TRAINING, state, array(np.array(angles)), array(np.array(dropped)))
    happened = [
        "".join(letter if flag else "-" for letter, flag in zip("rdct", row, strict=True))
        for row in zip(*(np.asarray(field) for field in events), strict=True)
    ]
    assert dict(zip(names, happened, strict=True)) == dict(zip(names, flags, strict=True))
    np.testing.assert_array_equal(state.successes, successes_after)
    np.testing.assert_array_equal(state.goal_steps, steps_after)
    np.testing.assert_array_equal(events.ended, [any(flag in "dct" for flag in row) for row in flags])


@pytest.mark.parametrize(("rules", "steps"), [(TRAINING, 100), (trial.TrialRules(), 1000)], ids=["8 s", "80 s"])
def test_timeout_starts_again_with_each_goal(rules, steps):
    """8 s (training) or 80 s (evaluation) for each goal, not for the trial; nothing is a step early or late."""
    state, never = trial.start(torch.zeros(1)), torch.zeros(1, dtype=torch.bool)
    for reached_at in (30, None):
        for step in range(1, steps + 1):
            angle = torch.tensor([0.1 if step == reached_at else 2.0])
            state, events = trial.advance(rules, state, angle, never)
            if events.reached:
                break
            assert bool(events.timeout) == (step == steps)
    assert int(state.successes) == 1


def test_restart_touches_the_masked_worlds_only(array):
    state = trial.TrialState(array(np.array([3, 4, 5])), array(np.array([30, 40, 50])))
    state = trial.restart(state, array(np.array([False, True, False])))
    np.testing.assert_array_equal(state.successes, [3, 0, 5])
    np.testing.assert_array_equal(state.goal_steps, [30, 0, 50])


def test_start_counts_from_zero(array):
    state = trial.start(array(np.ones(3)))
    for field in state:
        assert np.asarray(field).dtype == np.int64
        np.testing.assert_array_equal(field, [0, 0, 0])


def test_dropped(array):
    """Below the palm, or away from it; what is not a number counts as dropped, never as held."""
    rest, up = np.array([0.0, -0.03, 0.35]), np.array([0.0, -np.cos(0.1), np.sin(0.1)])
    side = np.array([1.0, 0, 0])
    cases = {
        "at rest": (rest, False),
        "thrown up, above the palm": (rest + 0.10 * up, False),
        "as low as the wrist lowers it": (rest - 0.06 * up, False),
        "sunk": (rest - 0.101 * up, True),
        "at the fingertips": (rest + 0.13 * side, False),
        "beside the hand": (rest + 0.161 * side, True),
        "NaN": (rest * np.nan, True),
        "one coordinate NaN": (np.array([0.0, np.nan, 0.35]), True),
        "infinite": (np.array([np.inf, -0.03, 0.35]), True),
        "infinitely high": (np.array([0.0, -np.inf, np.inf]), True),
    }
    with np.errstate(invalid="ignore"):
        positions = np.array([position for position, _ in cases.values()])
        dropped = trial.is_dropped(array(positions), array(rest), array(up))
    assert dict(zip(cases, np.asarray(dropped).tolist(), strict=True)) == {name: d for name, (_, d) in cases.items()}


def test_rules_of_the_paper():
    assert (trial.TRAINING_TIMEOUT, trial.EVALUATION_TIMEOUT, trial.MAX_SUCCESSES) == (8.0, 80.0, 50)
    assert trial.TrialRules() == trial.TrialRules(tolerance=0.4, timeout=80.0, max_successes=50)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tolerance": 0.0}, {"tolerance": np.nan}, {"max_successes": 0},
        {"timeout": 0.0}, {"timeout": 0.03}, {"timeout": np.nan}, {"timeout": np.inf},
    ],
    ids=str,
)  # fmt: skip
def test_impossible_rules_are_refused(wrong):
    """A timeout below a control step would end trials in the very step that reaches a goal."""
    with pytest.raises(DactylError, match=f"{next(iter(wrong))} "):
        trial.TrialRules(**wrong)
