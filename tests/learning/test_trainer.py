"""The training loop: exact continuation, and nothing that can happen to a process spoils the last checkpoint."""

from __future__ import annotations

import csv
import errno
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import pad

from dactyl.environment.config import EnvironmentConfig
from dactyl.errors import DactylError
from dactyl.learning import checkpoint
from dactyl.learning.algorithms.ppo import PPOConfig
from dactyl.learning.collector import CollectionConfig
from dactyl.learning.config import Stage, TrainingConfig
from dactyl.learning.models.recurrent import Architecture
from dactyl.learning.policy import Contract, Policy
from dactyl.learning.progress import Progress
from dactyl.learning.trainer import Trainer
from tests.learning.toys import Memory, Toy

SMALL = Architecture((16,), 8)
COLLECTION = CollectionConfig(horizon=8, sequence=4)
PPO = PPOConfig(minibatch=64, minibatches=3, kl_target=0.01)
CONFIG = TrainingConfig(
    stages=(Stage(collection=COLLECTION, ppo=PPO),),
    policy=SMALL,
    value=SMALL,
    num_envs=16,
    total_steps=4 * 128,
    seed=5,
)
CONTRACT = Contract(observation=(("object_position", 3),), architecture=SMALL)


def memory(_: Any, seed: int) -> Toy:
    return Memory(CONFIG.num_envs, seed=seed)


def sees_more(_: Any, seed: int) -> Toy:
    """Its policy sees 20 zeros more."""
    toy = memory(_, seed)
    observe = toy._observe
    toy._observe = lambda: {name: pad(seen, (0, 20 * (name == "policy"))) for name, seen in observe().items()}  # type: ignore[method-assign]
    toy.observation_shapes = {"policy": (23,), "value": (3,)}
    return toy


def trainer(out: Path, steps: int = 4 * 128, resume: Path | None = None, **changes: Any) -> Trainer:
    config = replace(CONFIG, total_steps=steps, **changes)
    return Trainer(config, memory, replace(CONTRACT, architecture=config.policy), out, resume)


def rows(out: Path) -> list[dict[str, str]]:
    with open(out / "progress.csv", newline="") as file:
        return list(csv.DictReader(file))


def same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a if key != "seconds")
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def test_training_in_two_parts_is_bit_for_bit_training_in_one(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    trainer(one).run()
    trainer(two, steps=2 * 128).run()
    trainer(two, resume=two).run()
    whole, parts = (checkpoint.load_training(checkpoint.resolve(out)) for out in (one, two))
    assert whole["steps"] == 4 * 128
    assert same(whole, parts)
    assert [row["reward"] for row in rows(one)] == [row["reward"] for row in rows(two)]
    earlier = checkpoint.load_training(checkpoint.find(two)[0])
    assert not same(whole["ppo"], earlier["ppo"])


def test_a_policy_file_may_have_averaged_weights(tmp_path: Path) -> None:
    """Protects that each iteration counts as much as was asked for, that learning goes on from the newest weights, and
    that a training in two parts averages as one in one does."""
    plain, averaged, parts = tmp_path / "plain", tmp_path / "averaged", tmp_path / "parts"
    newest = trainer(plain)
    expected = None
    for _ in range(4):
        newest.iterate()
        weight = newest.network.head.weight.detach().clone()
        expected = weight if expected is None else 0.75 * expected + 0.25 * weight
    trainer(averaged, averaging=0.75).run()
    trainer(parts, steps=2 * 128, averaging=0.75).run()
    trainer(parts, resume=parts, averaging=0.75).run()
    policy = Policy.load(checkpoint.resolve(averaged) / "policy.safetensors")
    torch.testing.assert_close(policy.trainable.head.weight, expected, check_dtype=False)
    assert policy.contract.trained["averaging"] == 0.75
    whole, twice = (checkpoint.load_training(checkpoint.resolve(out)) for out in (averaged, parts))
    assert same(whole, twice)
    assert torch.equal(whole["ppo"]["policy"]["head.weight"], newest.network.head.weight)


def test_another_seed_is_another_training(tmp_path: Path) -> None:
    a, b = (trainer(tmp_path / str(seed), seed=seed).iterate() for seed in (1, 2))
    assert a["policy_loss"] != b["policy_loss"]


def test_actions_that_are_numbers_begin_with_the_deviation_that_a_preset_names(tmp_path: Path) -> None:
    """Protects robots whose motors a larger noise would only drive to their limits."""
    numbers = Trainer(replace(CONFIG, deviation=0.05), memory, replace(CONTRACT, bins=0), tmp_path / "numbers")
    with torch.no_grad():
        outputs, _ = numbers.network.step(numbers.collector.observations, numbers.network.initial_state(16))
    actions = numbers.policy.actions
    spread = actions.draw(outputs, torch.ones(16, 20)) - actions.mode(outputs)
    torch.testing.assert_close(spread, torch.full_like(spread, 0.05))
    with pytest.raises(DactylError, match="the robot's are bins"):
        trainer(tmp_path / "bins", deviation=0.05)


def test_the_policy_file_says_what_was_trained(tmp_path: Path) -> None:
    trainer(tmp_path).run()
    policy = Policy.load(checkpoint.resolve(tmp_path) / "policy.safetensors")
    assert policy.contract.trained["steps"] == 4 * 128
    assert policy.network.normalizer.count == 4 * 128 + 16


def test_only_the_newest_checkpoints_are_kept(tmp_path: Path) -> None:
    t = trainer(tmp_path)
    for _ in range(4):
        t.iterate()
        t.save()
    assert [int(path.name[-12:]) for path in checkpoint.find(tmp_path)] == [3 * 128, 4 * 128]


def test_a_full_disk_costs_one_checkpoint_and_not_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    t = trainer(tmp_path)
    t.iterate()
    good = t.save()
    t.iterate()

    def full(state: Any, path: Path) -> None:
        Path(path).write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", full)
        with pytest.raises(DactylError, match="No space left"):
            t.save()
    assert checkpoint.find(tmp_path) == [good]
    assert not list(tmp_path.glob(".*"))
    assert trainer(tmp_path, resume=tmp_path).steps == 128
    t.save()
    assert trainer(tmp_path, resume=tmp_path).steps == 256


def test_training_goes_on_when_a_checkpoint_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    t = trainer(tmp_path, checkpoint_minutes=1e-9)
    save, calls = checkpoint.save, []

    def sometimes(*arguments: Any) -> Path:
        calls.append(arguments)
        if len(calls) == 2:
            raise DactylError("no space")
        return save(*arguments)

    monkeypatch.setattr(checkpoint, "save", sometimes)
    t.run()
    assert t.steps == 4 * 128
    assert "warning: no space" in capsys.readouterr().err


def test_a_killed_process_leaves_a_checkpoint_that_loads(tmp_path: Path) -> None:
    """Killed without warning while it does nothing but train and write checkpoints."""
    code = (
        "from pathlib import Path; import torch; torch.set_num_threads(1)\n"
        "from tests.learning.test_trainer import trainer\n"
        f"t = trainer(Path({str(tmp_path)!r}))\n"
        "while True: t.iterate(); t.save()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2]) as process:
        deadline = time.monotonic() + 60
        while len(checkpoint.find(tmp_path)) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.137)
        process.kill()
    checkpoint.clean(tmp_path)
    t = trainer(tmp_path, resume=tmp_path)
    assert t.steps == int(checkpoint.find(tmp_path)[-1].name[-12:]) > 0
    t.iterate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_iteration_with_a_checkpoint(tmp_path: Path, number: signal.Signals) -> None:
    t = trainer(tmp_path)
    collect = t.collector.collect

    def interrupted() -> Any:
        os.kill(os.getpid(), number)
        return collect()

    t.collector.collect = interrupted
    before = signal.getsignal(number)
    outcome = t.run()
    assert (outcome["ended"], outcome["steps"]) == (number.name, 128)
    assert signal.getsignal(number) == before
    assert trainer(tmp_path, resume=tmp_path).steps == 128


def test_time_is_up(tmp_path: Path) -> None:
    outcome = trainer(tmp_path).run(minutes=0.0)
    assert (outcome["ended"], outcome["steps"]) == ("done", 0)


@pytest.mark.parametrize("where", ["reward", "observation", "weights"])
def test_numbers_that_are_not_finite_stop_training_and_keep_the_last_good_state(tmp_path: Path, where: str) -> None:
    t = trainer(tmp_path)
    t.iterate()
    good = t.save()
    environment = t.collector.environment
    if where == "reward":
        environment.pays = lambda actions: torch.full((16,), torch.nan)
    elif where == "observation":
        environment.seen = lambda: torch.full((16, 3), torch.inf)
    else:
        with torch.no_grad():
            t.value.network.head.bias.fill_(1e38)
        t.algorithm.value_optimizer.param_groups[0]["lr"] = 1e38
    with pytest.raises(DactylError, match=f"not finite; the last good checkpoint is {good}"):
        t.run()
    assert checkpoint.find(tmp_path) == [good]
    assert trainer(tmp_path, resume=tmp_path).steps == 128


def test_stages_follow_each_other_and_survive_a_restart(tmp_path: Path) -> None:
    stages = (
        Stage(collection=COLLECTION, ppo=PPO, until_steps=128),
        Stage(collection=COLLECTION, ppo=replace(PPO, gamma=0.5, kl_target=None)),
    )
    t = trainer(tmp_path, stages=stages)
    moments = t.algorithm.policy_optimizer
    t.run()
    assert [row["stage"] for row in rows(tmp_path)] == ["1", "2", "2", "2"]
    assert t.algorithm.config.gamma == 0.5
    assert t.algorithm.policy_optimizer is not moments
    assert {s["step"].item() for s in t.algorithm.value_optimizer.state.values()} == {12}
    resumed = trainer(tmp_path, stages=stages, resume=tmp_path)
    assert resumed.stage == 1
    assert resumed.algorithm.config.gamma == 0.5


def test_a_stage_ends_when_enough_goals_are_reached(tmp_path: Path) -> None:
    stages = tuple(replace(CONFIG.stages[0], until_successes=until) for until in (0.01, 50.0, None))
    t = trainer(tmp_path, stages=stages)
    t.run()
    assert [row["stage"] for row in rows(tmp_path)] == ["1", "2", "2", "2"]


def test_resuming_something_else_is_refused(tmp_path: Path) -> None:
    t = trainer(tmp_path)
    t.iterate()
    path = t.save()
    for changes, name in (
        ({"num_envs": 8}, "num_envs 16, the preset 8"),
        ({"policy": Architecture((8,), 8)}, "policy"),
        ({"value": Architecture((8,), 8)}, "value"),
        ({"policy": replace(SMALL, activation="elu")}, "policy"),
    ):
        with pytest.raises(DactylError, match=f"cannot resume from .*{name}"):
            trainer(tmp_path, resume=tmp_path, **changes)
    data = (path / "training.pt").read_bytes()
    for broken in (b"", data[: len(data) // 2], b"no torch file"):
        (path / "training.pt").write_bytes(broken)
        with pytest.raises(DactylError, match="cannot read") as caught:
            trainer(tmp_path, resume=tmp_path)
        assert "\n" not in str(caught.value)
    with pytest.raises(DactylError, match="no checkpoint"):
        trainer(tmp_path, resume=tmp_path / "nowhere")


def test_a_training_of_before_layers_had_a_choice_goes_on(tmp_path: Path) -> None:
    """Protects checkpoints: what they say of their networks is compared as text."""
    t = trainer(tmp_path)
    t.iterate()
    fixed = checkpoint.load_training(t.save())["fixed"]
    assert fixed["policy"] == "{'dense': (16,), 'lstm': 8, 'images': {}, 'convolutions': (16, 32, 32)}"
    assert fixed["value"] == fixed["policy"]


def test_fine_tuning_begins_with_other_networks(tmp_path: Path) -> None:
    old = trainer(tmp_path / "old")
    old.run()
    new = trainer(tmp_path / "new", initial=str(tmp_path / "old"), seed=9)
    assert torch.equal(new.policy.network.head.weight, old.policy.network.head.weight)
    assert torch.equal(new.value.targets.mean.float(), old.value.targets.mean.float())
    assert new.steps == 0
    old.policy.save(tmp_path / "policy.safetensors", torch.float16)
    alone = trainer(tmp_path / "alone", initial=str(tmp_path))
    torch.testing.assert_close(alone.policy.network.head.weight, old.policy.network.head.weight, rtol=1e-3, atol=1e-5)
    assert alone.value.network.normalizer.count == 16
    more = replace(CONTRACT, observation=(*CONTRACT.observation, ("smoothed_action", 20)))
    wider = Trainer(replace(CONFIG, initial=str(tmp_path / "old")), sees_more, more, tmp_path / "wider")
    assert torch.equal(wider.policy.network.dense[0].weight[:, :3], old.policy.network.dense[0].weight)
    assert not wider.policy.network.dense[0].weight[:, 3:].any()
    with pytest.raises(DactylError, match="other sizes"):
        trainer(tmp_path / "b", initial=str(tmp_path / "old"), policy=Architecture((8,), 8))
    with pytest.raises(DactylError, match="its layers have relu, not elu"):
        trainer(tmp_path / "b", initial=str(tmp_path / "old"), policy=replace(SMALL, activation="elu"))
    for changes, match in (
        ({"smoothing": 0.5}, r"acts with smoothing 0\.5, this preset with 0\.3"),
        ({"observation": (("object_velocity", 3),)}, "sees something else"),
    ):
        other = tmp_path / match[:4]
        other.mkdir()
        Policy(replace(CONTRACT, architecture=SMALL, **changes)).save(other / "policy.safetensors")
        with pytest.raises(DactylError, match=match):
            trainer(tmp_path / "c", initial=str(other))


def test_progress_table_drops_what_a_resumed_training_repeats(tmp_path: Path) -> None:
    t = trainer(tmp_path, steps=256)
    t.run()
    with open(tmp_path / "progress.csv", "a") as file:
        file.write("384,1,2,3\n51")  # written after the last checkpoint, then killed
    trainer(tmp_path, resume=tmp_path).run()
    assert [row["steps"] for row in rows(tmp_path)] == ["128", "256", "384", "512"]


def test_a_teacher_must_see_and_act_as_the_preset_does(tmp_path: Path) -> None:
    """Everything else would be imitated without complaint, and be nonsense."""
    pair = (("object_position", 3),)
    environment = EnvironmentConfig(value_terms=("object_position",))
    stages = (Stage(environment, COLLECTION, PPO, imitation=1.0),)
    for name, changes, match in (
        ("good", {}, None),
        ("sees", {"observation": (("object_orientation", 4),)}, "value_terms must begin with what the teacher"),
        ("acts", {"smoothing": 0.5}, "acts with smoothing 0.5, this preset with 0.3"),
        ("poses", {"action_origin": "middle"}, "value_terms need joint_angles for a teacher of postures"),
        ("remembers", {"architecture": Architecture((8,), 4)}, "has a memory"),
    ):
        path = tmp_path / f"{name}.safetensors"
        made = Contract(**{"observation": pair, "architecture": Architecture((8,), 0), **changes})
        Policy(made).save(path)
        if match is None:
            pupil = trainer(tmp_path / "out", stages=stages, teacher=str(path))
            assert pupil.run()["steps"] == 4 * 128
            assert float(rows(tmp_path / "out")[-1]["imitation_kl"]) >= 0.0
        else:
            with pytest.raises(DactylError, match=match):
                trainer(tmp_path / name, stages=stages, teacher=str(path))


def test_a_table_that_cannot_be_written_stops_no_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As on a full disk."""
    t, progress = trainer(tmp_path), Progress(tmp_path, 0)
    (tmp_path / "progress.csv").mkdir()
    progress.add(t.iterate(), 1.0)
    (tmp_path / "progress.csv").rmdir()
    progress.add(t.iterate(), 1.0)
    progress.close()
    assert "warning: cannot write" in capsys.readouterr().err
    assert [row["steps"] for row in rows(tmp_path)] == ["256"]
