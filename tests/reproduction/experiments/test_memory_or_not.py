"""With and without memory: the ratio with its interval, and a memory that is erased on time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from dactyl.learning.models.recurrent import Architecture
from dactyl.learning.policy import Contract, Policy
from dactyl.reproduction.experiment import Size
from dactyl.reproduction.experiments import memory_or_not, table_5
from dactyl.reproduction.experiments.memory_or_not import Forgetful
from tests.reproduction.experiments.synthetic import drawn, judged


def results(lstm: list[int], *others: list[int]) -> dict[str, Any]:
    judgements = dict(zip(memory_or_not.CASES, (lstm, *others), strict=True))
    found = {f"{name}-in-all": judged(goals) for name, goals in judgements.items()}
    return found | {f"erased-{name}": judged([i, i]) for i, name in enumerate(memory_or_not.EVERY)}


def test_the_ratio_is_to_the_better_policy_without_memory() -> None:
    exact, low, high = memory_or_not.ratio(results([10] * 20, [5] * 20, [2] * 20))
    assert (exact, low, high) == pytest.approx((2.0, 2.0, 2.0))


def test_the_interval_is_as_wide_as_the_trials_are_few() -> None:
    random = np.random.default_rng(0)

    def width(number: int) -> float:
        goals = [random.poisson(mean, number).tolist() for mean in (12, 6, 1)]
        _, low, high = memory_or_not.ratio(results(*goals))
        return high - low

    assert width(10) > 1.5 * width(300)


def test_policies_that_reach_nothing_have_no_ratio() -> None:
    """Protects from an infinite success, or from none that reads like one."""
    exact, _, high = memory_or_not.ratio(results([4, 4], [0, 0], [0, 0]))
    assert (exact, high) == (float("inf"), float("inf"))
    assert memory_or_not.rows(results([0, 0], [0, 0], [0, 0]))[0].ours == "cannot be said: neither reaches a goal"


def test_rows_and_picture() -> None:
    found = results([10, 12], [5, 6], [2, 2])
    rows = memory_or_not.rows(found)
    assert rows[0].paper == "about 2 (blog)"
    assert [row.what for row in rows[1:3]] == ["models/block as it is", "models/block, its memory erased every 5 s"]
    assert [len(axes.lines) for axes in drawn(memory_or_not.EXPERIMENT, found).axes] == [3, 4]


def test_trainings_are_table_5s_own() -> None:
    """Protects half a day: what one experiment has trained the other does not train again."""
    shared = {step.name: step for step in memory_or_not.plan(Size()) if step.owner}
    theirs = {step.name: step for step in table_5.plan(Size())}
    assert set(shared) == {name for name in theirs if name.startswith("train-") or name.endswith("-in-all")}
    for name, step in shared.items():
        assert step.owner == "table-5"
        assert (step.settings, step.needs, step.version) == (
            theirs[name].settings, theirs[name].needs, theirs[name].version,
        )  # fmt: skip


@pytest.fixture
def policy() -> Policy:
    torch.manual_seed(0)
    return Policy(Contract(observation=(("object_position", 3),), architecture=Architecture((8,), 4)))


def test_a_memory_is_empty_again_after_so_many_decisions(policy: Policy) -> None:
    """With the same observation all the time, decisions repeat with the period of the erasures."""
    forgetful, seen = Forgetful(policy, 3), torch.ones(1, 3)
    state, states = forgetful.initial_state(1), []
    for _ in range(7):
        _, state = forgetful.step(seen, state, deterministic=True)
        states.append(state)
    assert torch.equal(states[0], states[3])
    assert torch.equal(states[1], states[4])
    assert torch.equal(states[0], states[6])
    assert not torch.equal(states[2], states[3])


def test_one_that_never_forgets_is_the_policy(policy: Policy) -> None:
    forgetful, seen = Forgetful(policy, float("inf")), torch.ones(2, 3)
    ours = theirs = policy.initial_state(2)
    for _ in range(20):
        _, ours = forgetful.step(seen, ours, deterministic=True)
        _, theirs = policy.step(seen, theirs, deterministic=True)
    assert torch.equal(ours, theirs)
