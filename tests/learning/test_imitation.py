"""The generalist's training: windows, averaged weights, what is held out, and a policy that does what it was shown."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dactyl.errors import DactylError
from dactyl.learning import demonstrations, imitation
from dactyl.learning.demonstrations import About, Demonstrations
from dactyl.learning.imitation import Average, ImitationConfig, Windows
from dactyl.learning.models.diffusion import DiffusionArchitecture, DiffusionNetwork
from dactyl.learning.policy import Policy
from dactyl.robot import robot as robots

ROBOT = robots.load("gr1_right")
SMALL = DiffusionArchitecture(dense=(32,), features=16, channels=(64,), horizon=4, played=2, steps=20, denoising=5)
CONFIG = ImitationConfig(policy=SMALL, batches=250, batch=64, learning_rate=3e-3, held_out=0.2)


def shown(lengths: tuple[int, ...] = (5,) * 40) -> Demonstrations:
    """Episodes in which the hand's side says where the first motor goes: 0.5 on the left, -0.5 on the right."""
    episode = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    side = 2.0 * (episode % 2).float() - 1.0
    goal = torch.stack([0.0 * side, 0.0 * side, 0.0 * side, side], -1)
    about = About(
        robot="gr1_right", task="grasp_and_reach", objects=("cylinder",), observation=(("goal", 4),),
        actuators=ROBOT.actuators, control_period=0.2, kept=len(lengths), ended=len(lengths),
    )  # fmt: skip
    action = torch.zeros(len(side), 13)
    action[:, 0] = 0.5 * side
    return Demonstrations(about, goal, action, episode)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    demonstrations.save(tmp_path / "shown.safetensors", shown())
    return tmp_path / "shown.safetensors"


def test_windows_do_not_reach_into_other_episodes() -> None:
    """Before the first row the first is repeated, after the last action the last."""
    found = shown((3, 2))
    found = replace(found, observation=torch.arange(5.0)[:, None], action=10.0 + torch.arange(5.0)[:, None])
    windows = Windows(found, replace(SMALL, observed=2))
    vectors, images, actions = windows.of(torch.arange(5))
    assert vectors.tolist() == [[0.0, 0.0], [0.0, 1.0], [1.0, 2.0], [3.0, 3.0], [3.0, 4.0]]
    assert actions[..., 0].tolist() == [
        [10.0, 11.0, 12.0, 12.0], [11.0, 12.0, 12.0, 12.0], [12.0] * 4, [13.0, 14.0, 14.0, 14.0], [14.0] * 4,
    ]  # fmt: skip
    assert images == {}


def test_whole_episodes_are_held_out() -> None:
    found = shown()
    rows, held = imitation.split(found.episode, 0.2, torch.Generator().manual_seed(0))
    assert len(rows) + len(held) == len(found)
    assert not set(found.episode[rows].tolist()) & set(found.episode[held].tolist())
    assert len(set(found.episode[held].tolist())) == 8
    alone, nothing = imitation.split(torch.zeros(3, dtype=torch.int64), 0.9, torch.Generator())
    assert (len(alone), len(nothing)) == (3, 0), "something must be left to learn from"


def test_the_average_follows_the_weights_more_and_more_slowly() -> None:
    """1 - (1 + n)^-0.75 of itself: all of the weights at first (Chi et al.)."""
    network = DiffusionNetwork(3, 2, SMALL)
    average = Average(network, 0.75, 0.9999)
    expected = network.dense[0].bias.detach().clone()
    for n in range(4):
        with torch.no_grad():
            network.dense[0].bias += 1.0
        average.update(network)
        keeps = 1.0 - (1.0 + n) ** -0.75
        expected = keeps * expected + (1.0 - keeps) * network.dense[0].bias.detach()
    torch.testing.assert_close(average.network.dense[0].bias, expected)


def test_a_generalist_does_what_it_was_shown(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "policy.safetensors"
    outcome = imitation.train([file], out, CONFIG)
    assert (outcome["ended"], outcome["batches"], outcome["rows"]) == ("done", 250, 200)
    assert outcome["loss"] < 0.1, "noise alone would be 1"
    assert outcome["held_out_loss"] < 0.3
    json.dumps(outcome)
    policy = Policy.load(out, robot="gr1_right", task="grasp_and_reach")
    assert (policy.contract.action_origin, policy.contract.smoothing) == ("middle", 1.0)
    assert policy.contract.trained["kept_episodes"] == 40
    sides = torch.tensor([[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, -1.0]])
    actions, _ = policy.step(sides, policy.initial_state(2), True)
    assert float(actions[0, 0]) > 0.2
    assert float(actions[1, 0]) < -0.2
    assert "250 batches" in imitation.as_text(outcome)


def test_the_same_seed_gives_the_same_policy(file: Path, tmp_path: Path) -> None:
    short = replace(CONFIG, batches=5)
    for name in ("a", "b"):
        imitation.train([file], tmp_path / name, short)
    one, two = (Policy.load(tmp_path / name).network.state_dict() for name in ("a", "b"))
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_images_that_nobody_took_are_refused(file: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, policy=replace(SMALL, images={"depth": (1, 24, 32)}))
    with pytest.raises(DactylError, match="the demonstrations have no images depth"):
        imitation.train([file], tmp_path / "a", config)


def test_nothing_is_written_where_nothing_was_learned(file: Path, tmp_path: Path) -> None:
    with pytest.raises(DactylError, match="time came before the first batch"):
        imitation.train([file], tmp_path / "a", CONFIG, minutes=0.0)
    assert not (tmp_path / "a").exists()


def test_the_defaults_are_the_papers() -> None:
    """Appendix D: AdamW 1e-4, weight decay 1e-5, batches of 128; 3 x 512 to 64 features, 100 steps of noise."""
    config, network = ImitationConfig(), DiffusionArchitecture()
    assert (config.learning_rate, config.weight_decay, config.batch) == (1e-4, 1e-5, 128)
    assert (network.dense, network.features, network.steps) == ((512, 512, 512), 64, 100)


def test_the_rate_rises_and_falls() -> None:
    """As Chi et al. have it; the paper names none, so it stays by default."""
    assert [ImitationConfig().rate(batch) for batch in (0, 100, 19_999)] == [1.0, 1.0, 1.0]
    config = ImitationConfig(batches=110, warm_up=10, cosine=True)
    rates = [config.rate(batch) for batch in range(110)]
    assert rates[:10] == pytest.approx([0.1 * (batch + 1) for batch in range(10)])
    assert rates[60] == pytest.approx(0.5)
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert 0.0 < rates[-1] < 0.01


def test_a_rate_that_never_arrives_is_refused() -> None:
    with pytest.raises(DactylError, match="warm_up 10 must be at least 0 and below batches 10"):
        ImitationConfig(batches=10, warm_up=10)


@pytest.mark.parametrize("name", ["cpu-small", "paper"])
def test_presets_are_valid(name: str) -> None:
    assert imitation.read_preset(name).batches >= 1


def test_a_wrong_preset_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("learning_rat: 1e-4\n")
    with pytest.raises(DactylError, match="unknown key learning_rat"):
        imitation.read_preset(str(tmp_path / "a.yaml"))
