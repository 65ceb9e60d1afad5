"""Demonstrations: which episodes are kept, what is told of actions, and files that are whole or refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from dactyl.errors import DactylError
from dactyl.learning import demonstrations
from dactyl.learning.demonstrations import About, Demonstrations, Recorder
from dactyl.learning.policy import Contract, Policy
from dactyl.storage.contract import METADATA_KEY
from tests.environment.small import make

ABOUT = About(
    robot="gr1_right", task="grasp_and_reach", objects=("cylinder",), observation=(("object_position", 3), ("goal", 4)),
    actuators=("a", "b"), control_period=0.2, specialists=("one",), ended=9, kept=2,
)  # fmt: skip


def some(episodes: tuple[int, ...] = (0, 0, 0, 1, 1), about: About = ABOUT) -> Demonstrations:
    rows = len(episodes)
    random = torch.Generator().manual_seed(rows)
    return Demonstrations(
        about,
        torch.randn(rows, 7, generator=random),
        torch.rand(rows, 2, generator=random),
        torch.tensor(episodes),
        {"depth": torch.rand(rows, 1, 4, 6, generator=random)},
    )


def test_episodes_are_kept_by_their_success_at_the_end() -> None:
    """Environment 0 fails, then succeeds; environment 1 succeeds; what still runs is not kept."""
    recorder = Recorder(2)
    ends = {1: (True, False), 2: (False, True), 3: (True, False)}
    for step in range(5):
        ended = torch.tensor(ends.get(step, (False, False)))
        succeeded = torch.tensor([step == 3, True])
        recorder.add({"action": torch.tensor([[float(step)], [10.0 + step]])}, ended, succeeded)
    assert recorder.ended == 3
    rows = recorder.rows()
    assert rows["action"].flatten().tolist() == [10.0, 11.0, 12.0, 2.0, 3.0]
    assert rows["episode"].tolist() == [0, 0, 0, 1, 1]


def test_without_a_success_there_is_nothing_to_learn_from() -> None:
    torch.manual_seed(0)
    policy, env = Policy(Contract(smoothing=1.0)), make(2, "none", smoothing=1.0)
    with pytest.raises(DactylError, match=r"none of the \d+ episodes that ended succeeded"):
        demonstrations.collect(policy, env, 3)


def test_torques_and_smoothed_actions_are_no_demonstrations() -> None:
    env = make(2, "none")
    with pytest.raises(DactylError, match="acts in positions, without smoothing"):
        demonstrations.collect(Policy(Contract()), env, 3)


def test_actions_are_told_as_the_postures_that_they_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a specialist counts its own from: the targets that they lead to are the same."""
    torch.manual_seed(0)
    env = make(3, "none", smoothing=1.0, action_origin="current")
    policy = Policy(Contract(smoothing=1.0, action_origin="current"))
    told: list[torch.Tensor] = []
    monkeypatch.setattr(Recorder, "add", lambda self, rows, ended, succeeded: told.append(rows["action"]))
    targets: list[torch.Tensor] = []
    step = env.step

    def spied(actions: torch.Tensor) -> object:
        outcome = step(actions)
        targets.append(env.physics.state.targets[:3].clone())
        return outcome

    monkeypatch.setattr(env, "step", spied)
    with pytest.raises(DactylError, match="nothing to learn from"):
        demonstrations.collect(policy, env, 4)
    limits = torch.as_tensor(env.robot.actuator_limits)
    for action, target in zip(told, targets, strict=True):
        meant = limits.mean(1) + action.double() * 0.5 * (limits[:, 1] - limits[:, 0])
        torch.testing.assert_close(meant, target, rtol=1e-4, atol=1e-4)


def test_a_file_holds_what_was_put_in(tmp_path: Path) -> None:
    found = some()
    demonstrations.save(tmp_path / "a.safetensors", found)
    again = demonstrations.load([tmp_path / "a.safetensors"])
    assert again.about == found.about
    for name in ("observation", "action", "episode"):
        assert torch.equal(getattr(again, name), getattr(found, name))
    assert torch.equal(again.images["depth"], found.images["depth"])


def test_files_of_several_specialists_are_one_set(tmp_path: Path) -> None:
    other = replace(ABOUT, objects=("ball",), specialists=("two",), ended=3, kept=1)
    for name, found in (("a", some()), ("b", some((0, 0), other))):
        demonstrations.save(tmp_path / name, found)
    both = demonstrations.load([tmp_path / "a", tmp_path / "b"])
    assert both.episode.tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert both.about.objects == ("cylinder", "ball")
    assert both.about.specialists == ("one", "two")
    assert (both.about.ended, both.about.kept) == (12, 3)


def test_a_part_of_what_was_seen() -> None:
    found = some()
    assert demonstrations.only(found, ()) is found
    part = demonstrations.only(found, ("goal",))
    assert part.about.observation == (("goal", 4),)
    assert part.observation.equal(found.observation[:, 3:])
    assert part.action is found.action
    assert part.images == found.images
    turned = demonstrations.only(found, ("goal", "object_position"))
    assert turned.observation.equal(found.observation), "in their own order"
    with pytest.raises(DactylError, match="the demonstrations do not have goals"):
        demonstrations.only(found, ("goals",))


def test_files_of_other_robots_do_not_go_together(tmp_path: Path) -> None:
    demonstrations.save(tmp_path / "a", some())
    demonstrations.save(tmp_path / "b", some(about=replace(ABOUT, robot="gr1")))
    with pytest.raises(DactylError, match="is of another robot, task or observation than"):
        demonstrations.load([tmp_path / "a", tmp_path / "b"])
    with pytest.raises(DactylError, match="at least one file"):
        demonstrations.load([])


@pytest.mark.parametrize(
    ("name", "tensor", "says"),
    [
        ("action", torch.zeros(5, 3), "action has shape"),
        ("observation", torch.full((5, 7), torch.nan), "not finite"),
        ("episode", torch.tensor([0, 1, 0, 1, 1]), "do not follow each other"),
        ("episode", torch.zeros(4, dtype=torch.int64), "episode has shape"),
        ("image.depth", torch.zeros(2, 1, 4, 6), "not an image for each row"),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path: Path, name: str, tensor: torch.Tensor, says: str) -> None:
    found, path = some(), tmp_path / "a"
    tensors = {"observation": found.observation, "action": found.action, "episode": found.episode}
    tensors |= {"image.depth": found.images["depth"], name: tensor}
    demonstrations.save(path, found)
    text = demonstrations.weights.read(path)[0]
    save_file(tensors, path, {METADATA_KEY: text})
    with pytest.raises(DactylError, match=f"cannot use the demonstrations .*{says}"):
        demonstrations.load([path])


def test_other_files_are_refused(tmp_path: Path) -> None:
    save_file({"action": torch.zeros(1)}, tmp_path / "a", {METADATA_KEY: json.dumps({"format": "dactyl-policy/1"})})
    with pytest.raises(DactylError, match="not in the format dactyl-demonstrations/1"):
        demonstrations.load([tmp_path / "a"])
    with pytest.raises(DactylError, match="there is no such file"):
        demonstrations.load([tmp_path / "nothing"])
