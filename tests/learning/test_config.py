"""Presets: every wrong key or value is named; every shipped preset is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from dactyl.environment import task as tasks
from dactyl.environment.environment import Environment
from dactyl.environment.randomization import ObservationNoise, PhysicsRandomization, UnmodeledEffects
from dactyl.errors import DactylError
from dactyl.learning import checkpoint, presets, train
from dactyl.learning.algorithms.relative_teacher import told
from dactyl.learning.config import parse_training
from dactyl.learning.models.value import Value
from dactyl.learning.policy import Policy
from dactyl.robot import robot as robots
from dactyl.storage.models import policy_for
from dactyl.storage.shared import shared

PRESETS = sorted(path.stem for path in presets.PRESETS.glob("*.yaml"))


def test_an_empty_preset_is_the_papers() -> None:
    config = parse_training({})
    ppo, environment = config.stages[0].ppo, config.stages[0].environment
    assert (ppo.gamma, ppo.lam, ppo.clip, ppo.entropy, ppo.learning_rate) == (0.998, 0.95, 0.2, 0.01, 3e-4)
    assert (ppo.minibatch, ppo.minibatches) == (25_600, 60)
    assert (config.stages[0].collection.horizon, config.stages[0].collection.sequence) == (10, 10)
    assert config.policy.dense == (1024,)
    assert config.policy.lstm == 512
    assert environment.rules.timeout == 8.0
    assert environment.reward == {"progress": 1.0, "success": 5.0, "drop": -20.0}


def test_the_papers_preset_has_what_the_paper_says_and_no_more() -> None:
    """Protects the comparison: what this project adds to PPO and to the world is off there."""
    (stage,) = presets.read_preset("paper").stages
    ppo, environment = stage.ppo, stage.environment
    assert (ppo.kl_limit, ppo.max_grad_norm, ppo.bootstrap, ppo.kl_target) == (None, None, False, None)
    assert environment.action_origin == "current"
    assert environment.substeps == 10
    assert environment.scene.gravity_compensation == 0.0
    drawn = environment.randomization
    assert drawn.observation_noise == ObservationNoise()
    assert drawn.physics == PhysicsRandomization(gravity_compensation=(0.0, 0.0))
    assert drawn.unmodeled_effects == UnmodeledEffects(joint_offset=0.0, backlash_factor=(1.0, 1.0))


def test_values_reach_their_place() -> None:
    config = parse_training(
        {
            "num_envs": 64,
            "value": {"dense": [64, 32], "lstm": 0},
            "ppo": {"learning_rate": "1e-4", "kl_target": 0.01},
            "environment": {"randomization": "none", "rules": {"tolerance": 0.2}, "reward": {"success": 9}},
        }
    )
    (stage,) = config.stages
    assert config.value.dense == (64, 32)
    assert stage.ppo.learning_rate == 1e-4
    assert stage.ppo.kl_target == 0.01
    assert stage.environment.rules.tolerance == 0.2
    assert stage.environment.rules.timeout == 8.0
    assert stage.environment.randomization.physics is None
    assert stage.environment.reward == {"success": 9.0}


def test_stages_change_only_what_they_name() -> None:
    config = parse_training(
        {
            "environment": {"rules": {"tolerance": 0.3}, "reward": {"success": 1.0, "drop": -3.0}},
            "ppo": {"gamma": 0.9},
            "stages": [
                {"until_successes": 5, "environment": {"randomization": "none"}, "ppo": {"gamma": 0.8}},
                {"environment": {"reward": {"success": 2.0}}},
            ],
        }
    )
    first, last = config.stages
    assert (first.ppo.gamma, last.ppo.gamma) == (0.8, 0.9)
    assert first.environment.rules.tolerance == last.environment.rules.tolerance == 0.3
    assert first.environment.randomization.physics is None
    assert last.environment.randomization.physics is not None
    assert last.environment.reward == {"success": 2.0}
    assert first.until_successes == 5.0


def test_options_of_the_collection_are_found_where_older_files_have_them() -> None:
    """Protects everyone's presets from before these were no longer PPO's."""
    old = {
        "horizon": 20,
        "ppo": {"sequence": 5, "hold": 2, "gamma": 0.5},
        "environment": {"nursery": 0.3},
        "teacher": "models/block-teacher",
        "stages": [{"ppo": {"imitation": 1.0}, "until_steps": 1}, {"ppo": {"rehearsal": 0.4, "bf16": True}}],
    }
    first, last = parse_training(old).stages
    assert (first.collection.horizon, first.collection.sequence, first.collection.hold) == (20, 5, 2)
    assert (first.imitation, last.imitation) == (1.0, 0.0)
    assert (first.collection.near_failures, last.collection.near_failures) == (0.0, 0.4)
    assert last.collection.bf16
    assert last.environment.reset_pool == 0.3
    assert last.ppo.gamma == 0.5


def test_an_older_file_changes_what_a_newer_one_says_that_it_extends(tmp_path: Path) -> None:
    base, mine = tmp_path / "base.yaml", tmp_path / "mine.yaml"
    base.write_text("collection: {horizon: 20, sequence: 10}")
    mine.write_text(f"extends: {base}\nppo: {{sequence: 5}}")
    collection = presets.read_preset(str(mine)).stages[0].collection
    assert (collection.horizon, collection.sequence) == (20, 5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"surprise": 1}, "unknown key surprise: choose from"),
        ({"ppo": {"gama": 0.9}}, r"unknown key stages\[0\]\.ppo\.gama"),
        ({"ppo": {"gamma": 2}}, "gamma"),
        ({"ppo": {"minibatches": 2.5}}, "expected int, not 2.5"),
        ({"num_envs": "many"}, "num_envs: expected int"),
        ({"num_envs": 0}, "num_envs must be at least 1"),
        ({"num_envs": True}, "num_envs: expected int"),
        ({"deviation": 0.0}, "deviation must be positive, not 0.0"),
        ({"horizon": 15}, "horizon 15 is no multiple of sequence 10"),
        ({"ppo": {"minibatch": 25}}, "minibatch 25 is no multiple of collection.sequence 10"),
        ({"imitation": 0.5}, "imitation needs a teacher"),
        ({"objects": ["block"], "specialists": {"sphere": "x"}}, r"one for each of the objects \['block'\]"),
        ({"objects": ["block"], "specialists": {"block": "x"}, "teacher": "y"}, "a teacher or specialists, not both"),
        ({"imitation": 1.5, "teacher": "models/block-teacher"}, "imitation must be between 0 and 1"),
        (
            {"horizon": 20, "collection": {"horizon": 10}},
            "collection.horizon is there twice, once by its old name horizon",
        ),
        ({"policy": {"dense": 64}}, r"policy\.dense"),
        ({"policy": []}, "policy: expected a mapping"),
        ({"environment": {"randomization": "some"}}, "randomizations 'some'"),
        ({"environment": {"reward": {"joy": 1.0}}}, "unknown reward term"),
        ({"environment": {"rules": {"tolerance": -1}}}, r"rules.*tolerance -1"),
        ({"stages": [{}, {}]}, "until_successes or until_steps"),
        ({"stages": {"a": 1}}, "list of mappings"),
    ],
)
def test_wrong_presets_are_refused_with_one_line(values: dict[str, Any], message: str) -> None:
    with pytest.raises(DactylError, match=message) as caught:
        parse_training(values)
    assert "\n" not in str(caught.value)


def test_wrong_files_are_refused_with_one_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    cases = ((b"a: [", "is not YAML"), (b"\xff\xfe", "cannot read"), (b"x: 1", "mine.yaml: unknown key x: choose"))
    for content, message in cases:
        path.write_bytes(content)
        with pytest.raises(DactylError, match=message) as caught:
            presets.read_preset(str(path))
        assert "\n" not in str(caught.value)
    with pytest.raises(DactylError, match="no training preset none: choose from"):
        presets.read_preset("none")


def test_a_preset_extends_another(tmp_path: Path) -> None:
    base, mine = tmp_path / "base.yaml", tmp_path / "mine.yaml"
    base.write_text("num_envs: 4\nppo: {gamma: 0.5, lam: 0.5}\nstages: [{until_steps: 1}, {}]")
    mine.write_text(f"extends: {base}\nppo: {{lam: 0.7}}\nstages: [{{}}]")
    config = presets.read_preset(str(mine))
    assert config.num_envs == 4
    assert (config.stages[0].ppo.gamma, config.stages[0].ppo.lam) == (0.5, 0.7)
    assert len(config.stages) == 1
    base.write_text(f"extends: {mine}")
    with pytest.raises(DactylError, match="extends itself"):
        presets.read_preset(str(mine))


@pytest.mark.parametrize("preset", PRESETS)
def test_shipped_presets_are_valid_and_consistent(preset: str) -> None:
    """A policy they begin with, or imitate, is shipped and fits."""
    config = presets.read_preset(preset)
    contract = train.contract(config, preset)
    if config.initial is not None:
        shipped = Policy.load(policy_for("", shared(config.initial))).contract
        assert (contract.observation, contract.architecture) == (shipped.observation, shipped.architecture)
        assert (contract.action_origin, contract.smoothing) == (shipped.action_origin, shipped.smoothing)
        environment = config.stages[0].environment
        task, robot = tasks.load(environment.task), robots.load(environment.scene.robot)
        value = Value(task.size(environment.value_terms, robot), config.value)
        value.load_state_dict(checkpoint.load_value(shared(config.initial)))
    for object, file in config.specialists.items():
        specialist = Policy.load(policy_for("", shared(file)), object).contract
        assert (contract.observation, contract.architecture) == (specialist.observation, specialist.architecture)
        assert (contract.action_origin, contract.smoothing) == (specialist.action_origin, specialist.smoothing)
    if config.teacher is not None:
        teacher = Policy.load(policy_for("", shared(config.teacher))).contract
        relative = (teacher.action_origin, contract.action_origin) == ("middle", "current")
        seen = told(teacher) if relative else tuple(name for name, _ in teacher.observation)
        assert all(stage.environment.value_terms[: len(seen)] == seen for stage in config.stages)
        assert relative or (contract.action_origin, contract.smoothing) == (teacher.action_origin, teacher.smoothing)


def test_a_value_network_may_see_the_hidden_physics_and_the_papers_does_not() -> None:
    """Protects the asymmetric critic's terms: a preset names them, their shapes are the robot's, `paper` has none."""
    hidden = {"physics_factors", "effects"}
    paper = presets.read_preset("paper").stages[0].environment
    assert not hidden & {*paper.policy_terms, *paper.value_terms}
    terms = [*paper.value_terms, *sorted(hidden)]
    config = parse_training({"num_envs": 2, "environment": {"value_terms": terms, "start_steps": 2}})
    environment = Environment(config.stages[0].environment, 2)
    seen = environment.reset()["value"]
    assert seen.shape == (2, 85 + environment.task.size(sorted(hidden), environment.robot))
    assert not torch.equal(seen[0, 85:], seen[1, 85:])


def test_environments_are_shared_out_evenly_among_objects() -> None:
    config = parse_training({"num_envs": 6, "objects": ["block", "sphere", "octagonal_prism"]})
    assert config.objects == ("block", "sphere", "octagonal_prism")
    for wrong in ({"num_envs": 7, "objects": ["block", "sphere"]}, {"num_envs": 4, "objects": ["block", "block"]}):
        with pytest.raises(DactylError, match="cannot be shared out among the objects"):
            parse_training(wrong)
