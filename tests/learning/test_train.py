"""Presets, environment, trainer and evaluation together: a few worlds for a few steps."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from dactyl import cli
from dactyl.environment.environment import Environment
from dactyl.environment.mixed import MixedEnvironment
from dactyl.environment.randomization import select
from dactyl.errors import DactylError
from dactyl.learning import checkpoint, evaluation, train
from dactyl.learning.config import parse_training
from dactyl.learning.options import EvaluationOptions, TrainOptions
from dactyl.learning.policy import Policy
from dactyl.robot import robot as robots
from dactyl.storage.locks import locked
from dactyl.storage.shared import shared
from tests.learning.test_trainer import rows, same

PRESET = """
num_envs: 4
horizon: 4
total_steps: 48
policy: {dense: [8], lstm: 4}
value: {dense: [8], lstm: 4}
ppo: {sequence: 4, minibatch: 8, minibatches: 2}
environment: {start_steps: 2, reset_pool: 0.4, action_origin: middle, action_scale: 0.5, scene: {object: sphere}}
"""


@pytest.fixture
def preset(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(PRESET)
    return str(path)


@pytest.mark.parametrize("workers", [1, 2])
def test_training_the_hand_in_two_parts_is_bit_for_bit_training_in_one(
    workers: int, preset: str, tmp_path: Path
) -> None:
    """All randomizations on: their states, the pool of initial states and the simulator's own go through the file.

    Those of every worker, whose worlds differ; one log counts the steps of all.
    """
    one, two = tmp_path / "one", tmp_path / "two"
    common: dict[str, Any] = {"device": "cpu", "threads": 1, "workers": workers}
    train.train(preset, TrainOptions(out=one, **common))
    half = tmp_path / "half.yaml"
    half.write_text(PRESET.replace("total_steps: 48", "total_steps: 16"))
    train.train(str(half), TrainOptions(out=two, **common))
    outcome = train.train(preset, TrainOptions(resume=two, **common))
    assert outcome["steps"] == 48
    assert Path(outcome["checkpoint"]).parent == two
    whole, parts = (checkpoint.load_training(checkpoint.resolve(out)) for out in (one, two))
    assert same(whole, parts)
    assert len(whole["collectors"]) == workers
    assert workers == 1 or not same(*whole["collectors"])
    for figure in ("steps", "reward"):
        assert [row[figure] for row in rows(one)] == [row[figure] for row in rows(two)]
    with pytest.raises(DactylError, match=f"it has workers {workers}, the preset {3 - workers}"):
        train.train(preset, TrainOptions(resume=two, **{**common, "workers": 3 - workers}))


def test_what_a_preset_names_is_shipped_or_below_the_present_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects a student whose teacher was trained here, wherever that is: runs are kept below the present folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    path = tmp_path / "mine.yaml"
    for named, found in (("runs/mine", Path("runs/mine")), ("models/block", shared("models", "block"))):
        path.write_text(f"{PRESET}initial: {named}\nteacher: {named}\n")
        config = train.configure(str(path), TrainOptions())
        assert (config.initial, config.teacher) == (str(found), str(found))
        path.write_text(f"{PRESET}objects: [sphere]\nspecialists: {{sphere: {named}}}\n")
        assert train.configure(str(path), TrainOptions()).specialists == {"sphere": str(found)}


def test_work_that_cannot_be_shared_is_refused(preset: str, tmp_path: Path) -> None:
    with pytest.raises(DactylError, match="4 environments cannot be shared by 3 workers"):
        train.train(preset, TrainOptions(out=tmp_path / "out", device="cpu", workers=3))
    Path(preset).write_text(PRESET.replace("minibatch: 8", "minibatch: 12"))
    with pytest.raises(DactylError, match="minibatch 12 cannot be shared by 2 processes"):
        train.train(preset, TrainOptions(out=tmp_path / "out", device="cpu", workers=2))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"rollout_workers": 2}, "rollout_workers: only on a cluster"),
        ({"synchronous": True}, "synchronous: only on a cluster"),
        ({"max_age": 8}, "max_age: only on a cluster"),
        ({"max_age": 8, "cluster": "local"}, "max_age: only where there are rollout workers"),
        (
            {"max_age": 8, "cluster": "local", "rollout_workers": 2, "synchronous": True},
            "and they are not synchronous",
        ),
        ({"cluster": "local", "rollout_workers": 3}, "3 rollout workers cannot share 4 environments"),
    ],
)
def test_an_option_that_would_change_nothing_is_refused(
    options: dict[str, Any], reason: str, preset: str, tmp_path: Path
) -> None:
    """Protects from a limit on experience's age, say, that nobody keeps to."""
    with pytest.raises(DactylError, match=reason):
        train.train(preset, TrainOptions(out=tmp_path / "out", device="cpu", **options))
    assert not (tmp_path / "out").exists()


WITHOUT_RAY = """
import sys
sys.modules["ray"] = None  # any import of it fails
from pathlib import Path
from dactyl.learning import train
from dactyl.learning.options import TrainOptions
outcome = train.train(sys.argv[1], TrainOptions(out=Path(sys.argv[2]), device="cpu", threads=1))
print(outcome["ended"], outcome["steps"])
"""


@pytest.mark.slow
def test_one_machine_needs_no_ray(preset: str, tmp_path: Path) -> None:
    """Protects an installation without the extra `cluster`, and everybody from its memory and seconds."""
    command = [sys.executable, "-c", WITHOUT_RAY, preset, str(tmp_path / "out")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (run.returncode, run.stdout.split()) == (0, ["done", "48"]), run.stderr


def test_the_commands_train_and_evaluate(preset: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, report = tmp_path / "run", tmp_path / "report.json"
    common = ["--threads", "1", "--json", str(report)]
    assert cli.main(["train", preset, "--device", "cpu", "--out", str(out), *common]) == 0
    assert json.loads(report.read_text())["results"]["steps"] == 48
    contract = Policy.load(checkpoint.resolve(out) / "policy.safetensors").contract
    assert (contract.object, contract.action_origin, contract.action_scale) == ("sphere", "middle", 0.5)
    assert contract.trained["preset"] == "tiny"

    again = ["train", preset, "--device", "cpu", "--out", str(out)]
    assert cli.main(again) == 1
    assert f"continue it with --resume {out}" in capsys.readouterr().err
    wrong = ["evaluate", "--policy", str(out), "--object", "block", "--trials", "2"]
    assert cli.main(wrong) == 1
    assert "trained for the object sphere, not block" in capsys.readouterr().err


@pytest.mark.slow
def test_the_same_seed_evaluates_to_the_same_figures(preset: str, tmp_path: Path) -> None:
    Path(preset).write_text(PRESET.replace("sphere", "block"))
    train.train(preset, TrainOptions(out=tmp_path / "run", device="cpu", threads=1))
    a, b, c = (
        evaluation.evaluate(EvaluationOptions(tmp_path / "run", trials=2, seed=seed, threads=1)) for seed in (1, 1, 2)
    )
    assert a == b
    assert a["motion_deg_per_step"] != c["motion_deg_per_step"]  # trials may all end by the clock
    assert len(a["trials"]) == 2
    assert a["goals_presented"] >= a["goals_reached"]


def test_devices_that_cannot_be_are_named(preset: str, tmp_path: Path) -> None:
    with pytest.raises(DactylError, match="device must be cpu or cuda, not tpu"):
        train.train(preset, TrainOptions(out=tmp_path / "a", device="tpu"))
    if not torch.cuda.is_available():
        with pytest.raises(DactylError, match="no CUDA GPU"):
            train.train(preset, TrainOptions(out=tmp_path / "b", device="cuda"))
    bf16 = tmp_path / "bf16.yaml"
    bf16.write_text(PRESET.replace("{sequence", "{bf16: true, sequence"))
    with pytest.raises(DactylError, match="bf16 needs a GPU"):
        train.train(str(bf16), TrainOptions(out=tmp_path / "c", device="cpu"))


def test_continuing_from_an_older_checkpoint_wants_a_folder_of_its_own(preset: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train.train(preset, TrainOptions(out=out, device="cpu", threads=1))
    older = out / "checkpoint-000000000012"
    checkpoint.resolve(out).rename(older)
    checkpoint_48 = out / "checkpoint-000000000048"
    checkpoint_48.mkdir()
    with pytest.raises(DactylError, match="not what you resume"):
        train.train(preset, TrainOptions(resume=older, device="cpu", threads=1))


def test_two_trainings_do_not_mix_in_one_folder(preset: str, tmp_path: Path) -> None:
    """Two that resumed from one checkpoint wrote rows and checkpoints by turns."""
    with locked(tmp_path / "out"), pytest.raises(DactylError, match=r"another process works in .*out"):
        train.train(preset, TrainOptions(out=tmp_path / "out"))
    assert checkpoint.find(tmp_path / "out") == []


def test_a_robot_without_bins_is_trained_and_its_policy_acts(
    preset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects normally distributed actions from end to end: environment, training, file."""
    shadow = robots.load("shadow")
    told_numbers = replace(shadow, action=replace(shadow.action, bins=0))
    with monkeypatch.context() as patched:
        patched.setattr(robots, "load", lambda name: told_numbers)
        Path(preset).write_text(PRESET.replace("sphere", "block"))
        out = tmp_path / "run"
        assert train.train(preset, TrainOptions(out=out, device="cpu", threads=1))["steps"] == 48
        policy = Policy.load(checkpoint.resolve(out) / "policy.safetensors")
        assert policy.contract.bins == 0
        action, _ = policy.step(torch.zeros(3, policy.contract.inputs), policy.initial_state(3))
        assert action.dtype == torch.float32
        config = evaluation.environment_config(policy.contract, select("none"))
        environment = Environment(config, 2, threads=1)
        environment.reset()
        step = environment.step(environment.random_actions(2))
        assert torch.isfinite(step.reward).all()
    with pytest.raises(DactylError, match="it was made for bins 0, the robot shadow has 11"):
        Policy.load(checkpoint.resolve(out) / "policy.safetensors")


def test_a_policy_keeps_the_rhythm_that_it_was_trained_in(tmp_path: Path) -> None:
    """Protects whoever runs it; the stages of a training share it."""
    path = tmp_path / "fast.yaml"
    path.write_text(PRESET.replace("{object: sphere}", "{object: sphere, control_period: 0.04}"))
    config = train.configure(str(path), TrainOptions())
    assert train.contract(config, "fast").control_period == 0.04
    first, *_ = config.stages
    usual = replace(first.environment, scene=replace(first.environment.scene, control_period=None))
    mixed = replace(config, stages=(replace(first, until_steps=16), replace(first, environment=usual)))
    with pytest.raises(DactylError, match=r"environment.scene.control_period must be the same"):
        train.contract(mixed, "fast")


def test_a_policy_can_be_trained_on_several_objects_at_once(tmp_path: Path) -> None:
    """Each has its share of the environments, and a checkpoint is not continued with others."""
    values = {
        "num_envs": 4, "total_steps": 16, "objects": ["block", "sphere"],
        "policy": {"dense": [8], "lstm": 0}, "value": {"dense": [8], "lstm": 0},
        "collection": {"horizon": 2, "sequence": 2}, "ppo": {"minibatch": 4, "minibatches": 1},
        "environment": {"start_steps": 0, "reset_pool": 0.0, "randomization": "none"},
    }  # fmt: skip
    options = TrainOptions(out=tmp_path, device="cpu", threads=1)
    trainer = train.make_trainer("several", parse_training(values), options)
    environment = trainer.collector.environment
    assert isinstance(environment, MixedEnvironment)
    assert [(part.num_envs, part.object.name) for part in environment.parts] == [(2, "block"), (2, "sphere")]
    trainer.run()
    assert Policy.load(checkpoint.find_policy(tmp_path), "sphere").contract.others == ("block",)
    others = parse_training({**values, "objects": ["block", "octagonal_prism"]})
    with pytest.raises(DactylError, match=r"cannot resume .* objects"):
        train.make_trainer("several", others, TrainOptions(out=tmp_path, device="cpu", threads=1, resume=tmp_path))


def test_a_policy_for_several_objects_begins_as_the_mean_of_specialists_and_imitates_them(tmp_path: Path) -> None:
    """Protects that each is imitated in its own object's environments: a little of that brings the policy near to two
    that differ, which it could not be in the same environments."""
    small = {"policy": {"dense": [8], "lstm": 4}, "value": {"dense": [8], "lstm": 0}}
    values = {
        **small, "num_envs": 8, "total_steps": 640, "objects": ["block", "sphere"],
        "specialists": {name: str(tmp_path / name) for name in ("block", "sphere")},
        "collection": {"horizon": 8, "sequence": 8},
        "stages": [{"imitation": 1.0, "ppo": {"minibatch": 64, "minibatches": 20, "learning_rate": 1e-2}}],
        "environment": {"start_steps": 0, "reset_pool": 0.0, "randomization": "none"},
    }  # fmt: skip
    weights = {}
    for seed, name in enumerate(("block", "sphere")):
        alone = {**small, "num_envs": 2, "seed": seed, "environment": {"scene": {"object": name}}}
        config = parse_training({**alone, "collection": {"horizon": 2, "sequence": 2}, "ppo": {"minibatch": 4}})
        specialist = Policy(train.contract(config, name))
        torch.manual_seed(seed)
        torch.nn.init.normal_(specialist.trainable.head.weight)
        (tmp_path / name).mkdir()
        specialist.save(tmp_path / name / "policy.safetensors", torch.float32)
        weights[name] = specialist.trainable.head.weight.detach()
    options = TrainOptions(out=tmp_path / "out", device="cpu", threads=1)
    trainer = train.make_trainer("several", parse_training(values), options)
    torch.testing.assert_close(trainer.network.head.weight.detach(), (weights["block"] + weights["sphere"]) / 2)
    trainer.run()
    off = [float(row["imitation_kl"]) for row in rows(tmp_path / "out")]
    assert off[-1] < 0.5 * off[0]
    wrong = Policy(
        replace(train.contract(parse_training({**values, "specialists": {}, "stages": [{}]}), "x"), smoothing=0.5)
    )
    wrong.save(tmp_path / "block" / "policy.safetensors")
    with pytest.raises(DactylError, match=r"acts with smoothing 0\.5, this preset with"):
        train.make_trainer("several", parse_training(values), options)
