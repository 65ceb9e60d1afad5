"""Several environments as one: each keeps its object, its rows and its randomness."""

from __future__ import annotations

import pytest
import torch

from dactyl.environment.environment import Environment
from dactyl.environment.mixed import MixedEnvironment
from dactyl.errors import DactylError
from dactyl.simulation.scene import SceneConfig
from tests.environment.small import make, play

KINDS = ("block", "sphere")


def parts(seed: int = 1) -> list[Environment]:
    return [make(2, "all", seed=seed + i, scene=SceneConfig(object=kind), reset=False) for i, kind in enumerate(KINDS)]


def in_turns(rows: list[torch.Tensor]) -> torch.Tensor:
    """Of two parts with two rows each."""
    return torch.stack([rows[0][0], rows[1][0], rows[0][1], rows[1][1]])


def test_a_step_is_the_parts_steps_in_turns() -> None:
    mixed, alone = MixedEnvironment(parts()), parts()
    assert (mixed.num_envs, mixed.num_bins, mixed.num_actuators, mixed.control_period) == (4, 11, 20, 0.08)
    observed = mixed.reset()
    assert observed.pop("kind").tolist() == [0, 1, 0, 1]
    for name, values in observed.items():
        assert torch.equal(values, in_turns([part.reset()[name] for part in parts()]))
    for part in alone:
        part.reset()
    for bins in play(4, 4):
        step = mixed.step(bins)
        each = [part.step(own) for part, own in zip(alone, (bins[::2], bins[1::2]), strict=True)]
        assert torch.equal(step.reward, in_turns([one.reward for one in each]))
        assert step.observations.pop("kind").tolist() == [0, 1, 0, 1]
        for name, values in step.observations.items():
            assert torch.equal(values, in_turns([one.observations[name] for one in each]))
        assert step.info["successes"].shape == (4,)


def test_a_saved_state_goes_on_exactly() -> None:
    mixed = MixedEnvironment(parts())
    mixed.reset()
    state = mixed.state_dict()
    before = [mixed.step(bins).reward for bins in play(4, 3)]
    mixed.load_state_dict(state)
    after = [mixed.step(bins).reward for bins in play(4, 3)]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_episodes_can_be_cut_in_any_part() -> None:
    mixed = MixedEnvironment(parts())
    mixed.reset()
    cut = torch.tensor([True, False, False, True])
    step = mixed.step(play(4, 1)[0], cut)
    assert torch.equal((step.truncated | step.terminated) & cut, cut)


def test_rows_go_back_to_the_part_they_came_from() -> None:
    mixed = MixedEnvironment(parts())
    mixed.reset()
    rows = {name: values.clone() for name, values in mixed.episode_rows().items()}
    mixed.step(play(4, 1)[0])
    indices = torch.tensor([1, 2])
    assert rows["kind"].tolist() == [0, 1, 0, 1]
    seen = mixed.set_episode_rows(indices, {name: values[indices] for name, values in rows.items()})
    assert seen["kind"].tolist() == [0, 1, 0, 1]
    now = mixed.episode_rows()
    assert torch.equal(now["goal"][indices], rows["goal"][indices])


def test_parts_that_show_different_things_are_refused() -> None:
    one, other = make(2, "none", reset=False), make(2, "none", policy_terms=("target_orientation",), reset=False)
    with pytest.raises(DactylError, match="must have one robot and show the same"):
        MixedEnvironment([one, other])
    with pytest.raises(DactylError, match="at least one part"):
        MixedEnvironment([])
    with pytest.raises(DactylError, match="of one size"):
        MixedEnvironment([one, make(3, "none", reset=False)])
