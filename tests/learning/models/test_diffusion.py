"""A diffusion policy's network: its memory is the chunk that is played, and it learns what it is shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from dactyl.errors import DactylError
from dactyl.learning.export import export
from dactyl.learning.models.diffusion import DiffusionArchitecture, DiffusionNetwork
from dactyl.learning.policy import Contract, Policy

SMALL = DiffusionArchitecture(dense=(32,), features=16, channels=(16, 32), horizon=4, played=3, denoising=5)
CONTRACT = Contract(
    architecture=SMALL, robot="gr1_right", task="grasp_and_reach", action_origin="middle", trained={"untrained": True}
)


@pytest.fixture
def policy() -> Policy:
    torch.manual_seed(0)
    policy = Policy(CONTRACT)
    policy.network.normalizer.update(torch.randn(100, CONTRACT.inputs))
    policy.network.eval()
    return policy


def observations(n: int, steps: int = 6) -> torch.Tensor:
    return torch.randn(steps, n, CONTRACT.inputs, generator=torch.Generator().manual_seed(1))


def play(policy: Policy, seen: torch.Tensor, deterministic: bool = True) -> torch.Tensor:
    state, rows = policy.initial_state(seen.shape[1]), []
    generator = torch.Generator().manual_seed(2)
    for observation in seen:
        actions, state = policy.step(observation, state, deterministic, generator)
        rows.append(actions)
    return torch.stack(rows)


def test_actions_are_postures_between_the_ends(policy: Policy) -> None:
    actions = play(policy, observations(7), deterministic=False)
    assert actions.shape == (6, 7, 13)
    assert actions.abs().max() <= 1.0


def test_more_noises_of_each_row_are_as_good_as_more_rows(policy: Policy) -> None:
    """Protects the mean: each row counts alike, and is paired with its own actions."""
    network = policy.network
    assert isinstance(network, DiffusionNetwork)
    vectors, actions = torch.randn(3, 2 * CONTRACT.inputs), torch.rand(3, 4, 13) * 2.0 - 1.0
    rows = [values.repeat_interleave(5, 0) for values in (vectors, actions)]
    one = network.loss(vectors, {}, actions, torch.Generator().manual_seed(0), noises=5)
    torch.testing.assert_close(one, network.loss(rows[0], {}, rows[1], torch.Generator().manual_seed(0)))


def test_noise_is_as_large_as_each_actions_range(policy: Policy) -> None:
    """Protects an arm that moves over a tenth of its range from noise as large as all of it, in which nothing was
    learned. What never moved stays."""
    network = policy.network
    assert isinstance(network, DiffusionNetwork)
    vectors, scaled = torch.randn(3, 2 * CONTRACT.inputs), torch.rand(3, 4, 13) * 2.0 - 1.0
    before = network.loss(vectors, {}, scaled, torch.Generator().manual_seed(0))
    middle, half = torch.linspace(-0.5, 0.5, 13), torch.linspace(0.02, 0.3, 13)
    network.span(torch.stack([middle - half, middle + half]))
    after = network.loss(vectors, {}, middle + half * scaled, torch.Generator().manual_seed(0))
    torch.testing.assert_close(before, after, rtol=1e-3, atol=1e-4)
    actions = play(policy, observations(7), deterministic=False)
    assert ((actions - middle).abs() <= half + 1e-6).all()
    network.span(middle.expand(2, -1))
    assert (network.action_half > 0.0).all(), "no division by nothing"


def test_a_chunk_is_played_before_the_next_is_made(policy: Policy) -> None:
    """What is seen in the second and third step changes nothing before the fourth."""
    seen, other = observations(3), observations(3).clone()
    other[1] += 5.0
    other[2] += 5.0
    one, two = play(policy, seen), play(policy, other)
    assert torch.equal(one[:3], two[:3])
    assert not torch.allclose(one[3], two[3]), "the step before is seen, too"


def test_an_episode_begins_afresh_wherever_others_are(policy: Policy) -> None:
    """Environments have chunks of their own: one that is reset does as if it stood alone."""
    seen = observations(2)
    state = policy.initial_state(2)
    for observation in seen[:2]:
        _, state = policy.step(observation, state, True)
    state = policy.reset(state, torch.tensor([True, False]))
    actions, _ = policy.step(seen[2], state, True)
    fresh, _ = policy.step(seen[2, :1], policy.initial_state(1), True)
    torch.testing.assert_close(actions[:1], fresh, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(actions[1:], play(policy, seen[:3, 1:])[2], rtol=1e-4, atol=1e-5)


def test_the_same_noise_gives_the_same_actions_and_others_differ(policy: Policy) -> None:
    seen = observations(4)
    assert torch.equal(play(policy, seen), play(policy, seen))
    drawn = play(policy, seen, deterministic=False)
    assert torch.equal(drawn, play(policy, seen, deterministic=False))
    assert not torch.allclose(drawn, play(policy, seen))


def test_a_saved_policy_acts_the_same_after_loading(policy: Policy, tmp_path: Path) -> None:
    """It is a policy file like the others, with an architecture of its own kind."""
    path = tmp_path / "policy.safetensors"
    policy.save(path)
    loaded = Policy.load(path)
    assert loaded.contract == policy.contract
    assert loaded.contract.architecture == SMALL
    torch.testing.assert_close(play(loaded, observations(3)), play(policy, observations(3)), rtol=1e-4, atol=1e-5)


def test_an_exported_policy_acts_the_same(policy: Policy, tmp_path: Path) -> None:
    """The traced program makes chunks in every step and plays the same."""
    path, seen = tmp_path / "policy.pt", observations(2)
    expected = play(policy, seen)
    export(policy, path)
    program, state, rows = torch.jit.load(path), policy.initial_state(2), []
    for observation in seen:
        action, state = program(observation, state)
        rows.append(action)
    torch.testing.assert_close(torch.stack(rows), expected, rtol=1e-4, atol=1e-5)


def test_it_learns_what_depends_on_what_is_seen() -> None:
    """Two situations, two opposite motions: an average of them would be neither."""
    torch.manual_seed(0)
    network = DiffusionNetwork(2, 1, replace(SMALL, observed=1, steps=20))
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    side = torch.tensor([[1.0, 0.0], [-1.0, 0.0]]).repeat(64, 1)
    actions = 0.8 * side[:, :1, None].expand(-1, 4, 1)
    for _ in range(250):
        loss = network.loss(side, {}, actions)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        found = network.plan(network.features(side[:2], {}), network.noise(2, torch.Generator().manual_seed(0)))
    assert float(found[0].mean()) > 0.5
    assert float(found[1].mean()) < -0.5


def test_images_are_seen() -> None:
    torch.manual_seed(0)
    network = DiffusionNetwork(3, 2, replace(SMALL, images={"depth": (1, 24, 32)})).eval()
    seen, state = {"policy": torch.zeros(2, 3), "depth": torch.randn(2, 1, 24, 32)}, network.initial_state(2)
    actions, _ = network.step(seen, state)
    other, _ = network.step(seen | {"depth": -seen["depth"]}, state)
    assert not torch.allclose(actions, other)


def test_ppo_and_teachers_are_refused(policy: Policy) -> None:
    with pytest.raises(DactylError, match="can neither be trained by PPO nor teach"):
        _ = policy.trainable
    with pytest.raises(DactylError, match="says no probabilities"):
        policy.actions.log_prob(torch.zeros(1, 13), torch.zeros(1, 13))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"horizon": 5}, "horizon 5 is no multiple of 2"),
        ({"played": 5}, "plays no more than its horizon"),
        ({"denoising": 200}, "denoises in no more steps"),
        ({"channels": (12, 24)}, "multiples of 8"),
        ({"kind": "transformer"}, "kind 'transformer' is unknown"),
        ({"features": 0}, "whole numbers of at least 1"),
    ],
)
def test_sizes_that_cannot_be_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(DactylError, match=says):
        replace(SMALL, **changes)


def test_a_robot_of_bins_has_none(policy: Policy) -> None:
    contract = replace(
        CONTRACT, robot="shadow", task="reorient", observation=None, bins=11, actuators=None, control_period=None
    )  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a diffusion policy has no bins"):
        contract.check()
