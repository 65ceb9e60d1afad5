"""Resets to near-failures: environments are set back to before failures, and to nothing else."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dactyl.learning import near_failures
from dactyl.learning.near_failures import LEAST, SPACING, NearFailures
from dactyl.learning.protocol import Rows

N = 6


class Clock:
    """Environment i shows 1000 i and its time."""

    def __init__(self) -> None:
        self.now = 1000.0 * torch.arange(N)
        self.spent = torch.arange(N) + 7.0

    def episode_rows(self) -> Rows:
        return {"now": self.now.clone(), "spent": self.spent.clone()}

    def set_episode_rows(self, worlds: Tensor, rows: Rows) -> Rows:
        self.now[worlds] = rows["now"]
        self.spent[worlds] = rows["spent"]
        return {"policy": self.now.clone()}

    def full_time(self, rows: Rows) -> Rows:
        return {"spent": torch.zeros_like(rows["spent"])}


@pytest.fixture
def clock() -> Clock:
    return Clock()


def play(
    clock: Clock, r: NearFailures, steps: int, failing: dict[int, int], ending: dict[int, int] | None = None
) -> None:
    """`failing` and `ending`: in which step which environment."""
    for t in range(steps):
        r.remember({"memory": clock.now + 0.5})
        clock.now += 1.0
        failed, ended = torch.zeros(2, N, dtype=torch.bool)
        failed[failing.get(t, N) : failing.get(t, N) + 1] = True
        ended[(ending or {}).get(t, N) : (ending or {}).get(t, N) + 1] = True
        r.note(failed, failed | ended)


def make(clock: Clock, share: float = 1 / 3) -> NearFailures:
    return NearFailures(clock, N, share, torch.Generator().manual_seed(0))


def test_environments_are_set_back_to_a_while_before_a_failure(clock: Clock) -> None:
    r = make(clock)
    play(clock, r, 50, {45: 4})
    memory, observations = {"memory": torch.zeros(N)}, {"policy": clock.now.clone()}
    others = clock.now[2:].clone()
    r.set_back(memory, observations)
    moments = {4000.0 + t for t in range(0, 46 - LEAST + 1, SPACING)}
    assert {*clock.now[:2].tolist()} <= moments
    assert torch.equal(observations["policy"][:2], clock.now[:2])
    assert torch.equal(memory["memory"][:2], clock.now[:2] + 0.5)
    assert torch.equal(clock.now[2:], others)  # the others go on
    assert not memory["memory"][2:].any()


def test_the_time_for_the_goal_begins_anew(clock: Clock) -> None:
    """Protects that one that was stuck gets the time to get free again."""
    r = make(clock)
    play(clock, r, 50, {45: 4})
    r.set_back({"memory": torch.zeros(N)}, {"policy": clock.now.clone()})
    assert clock.spent.tolist() == [0.0, 0.0, *(7.0 + index for index in range(2, N))]


def test_without_failures_nothing_is_set_back(clock: Clock) -> None:
    r = make(clock)
    play(clock, r, 50, {}, {20: 3})
    before = clock.now.clone()
    r.set_back({"memory": torch.zeros(N)}, {"policy": before})
    assert torch.equal(clock.now, before)


@pytest.mark.parametrize(
    ("failing", "ending", "kept"),
    [
        ({45: 1}, {}, set()),  # one that is set back itself
        ({LEAST - 2: 4}, {}, set()),  # too early to have a moment before it
        ({45: 4}, {40: 4}, set()),  # what came before belongs to another episode
        ({45: 4}, {25: 4}, {4032.0}),
    ],
)
def test_which_failures_are_remembered(
    clock: Clock, failing: dict[int, int], ending: dict[int, int], kept: set[float]
) -> None:
    r = make(clock)
    play(clock, r, 50, failing, ending)
    assert r.written == len(kept)
    assert {*r.failures.get("now", torch.zeros(0))[: r.written].tolist()} == kept


def test_old_failures_make_room_for_new_ones(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_failures, "CAPACITY", 2)
    r = make(clock)
    play(clock, r, 60, {20: 3, 30: 4, 40: 5})
    assert r.written == 3
    assert {int(now) // 1000 for now in r.failures["now"].tolist()} == {4, 5}


def test_failures_outlast_a_checkpoint(clock: Clock) -> None:
    r, again = make(clock), make(clock)
    play(clock, r, 50, {45: 4})
    again.load_state_dict(r.state_dict())
    again.set_back({"memory": torch.zeros(N)}, {"policy": clock.now.clone()})
    assert (clock.now[:2] // 1000 == 4).all()


class TwoKinds(Clock):
    """Every second environment is of another kind."""

    def episode_rows(self) -> Rows:
        return super().episode_rows() | {"kind": torch.arange(N) % 2}


def test_an_environment_goes_back_to_failures_of_its_own_kind() -> None:
    """Protects one policy for several objects: a sphere's fall is no block's."""
    clock = TwoKinds()
    r = make(clock, 4 / 6)
    play(clock, r, 50, {44: 4, 45: 5})
    r.set_back({"memory": torch.zeros(N)}, {"policy": clock.now.clone()})
    assert (clock.now[:4] // 1000.0).tolist() == [4.0, 5.0, 4.0, 5.0]


def test_of_a_kind_that_did_not_fail_none_is_set_back() -> None:
    clock = TwoKinds()
    r = make(clock, 4 / 6)
    play(clock, r, 50, {45: 5})
    r.set_back({"memory": torch.zeros(N)}, {"policy": clock.now.clone()})
    assert (clock.now[:4] // 1000.0).tolist() == [0.0, 5.0, 2.0, 5.0]


def test_failures_of_kinds_outlast_a_checkpoint() -> None:
    """Protects a training on several objects that goes on: what it remembers of this run is nothing yet."""
    clock = TwoKinds()
    r, again = make(clock, 4 / 6), make(clock, 4 / 6)
    play(clock, r, 50, {45: 4})
    again.load_state_dict(r.state_dict())
    again.set_back({"memory": torch.zeros(N)}, {"policy": clock.now.clone()})
    assert (clock.now[:4] // 1000.0).tolist() == [4.0, 1.0, 4.0, 3.0]
