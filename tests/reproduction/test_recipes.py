"""The trainings' presets: what they share, and what differs between those that are compared."""

from __future__ import annotations

from typing import Any

from dactyl.learning import presets
from dactyl.learning.config import parse_training
from dactyl.reproduction import grasping, recipes
from dactyl.reproduction.experiments import control_period, groups, table_4, table_5
from dactyl.reproduction.inputs import difference
from dactyl.reproduction.worlds import TRAINING


def test_imitation_comes_first_and_fine_physics_last() -> None:
    config = parse_training(recipes.student("all", 10_000_000, imitation=2_000_000))
    assert [stage.imitation for stage in config.stages] == [1.0, 0.0, 0.0]
    assert [stage.until_steps for stage in config.stages] == [2_000_000, 8_400_000, None]
    assert [stage.environment.substeps for stage in config.stages] == [5, 5, 10]
    assert config.teacher == recipes.TEACHER


def test_a_start_only_imitates() -> None:
    config = parse_training(recipes.student("none", 1000, imitation=1000))
    assert [stage.imitation for stage in config.stages] == [1.0]
    randomization = config.stages[0].environment.randomization
    assert (randomization.observation_noise, randomization.physics, randomization.unmodeled_effects) == (None,) * 3


def test_table_4s_trainings_differ_in_their_world_alone() -> None:
    """Protects the comparison: same budget, networks, rewards, seed."""
    presets = {name: recipes.student(choice, table_4.BUDGET) for name, choice in TRAINING.items()}
    for preset in presets.values():
        assert preset["teacher"] is None
        world = {**preset["environment"], "randomization": "all"}
        assert difference({**preset, "environment": world}, presets["all"]) == ""
    assert len({str(preset["environment"]["randomization"]) for preset in presets.values()}) == 5


def test_table_5s_trainings_differ_in_their_networks_alone() -> None:
    presets: list[dict[str, Any]] = [
        recipes.student("all", table_5.BUDGET, imitation=table_5.IMITATION, policy=case.policy, value=case.value)
        for case in table_5.CASES.values()
    ]
    for preset in presets:
        same = {**preset, "policy": presets[0]["policy"], "value": presets[0]["value"]}
        assert difference(same, presets[0]) == ""
    assert [bool(preset["policy"]["lstm"]) for preset in presets] == [True, False, False]
    assert [bool(preset["value"]["lstm"]) for preset in presets] == [True, True, False]


def test_control_periods_share_the_clock() -> None:
    """Protects the comparison: the same simulated time, foresight, smoothing and physics step by the clock."""
    slow, fast = (parse_training(control_period.preset(period, quick=False)) for period in control_period.PERIODS)
    assert fast.total_steps == 2 * slow.total_steps
    a, b = slow.stages[-1], fast.stages[-1]
    assert abs(b.ppo.gamma**2 - a.ppo.gamma) < 1e-12
    assert abs(b.ppo.lam**2 - a.ppo.lam) < 1e-12
    assert abs((1.0 - b.environment.smoothing) ** 2 - (1.0 - a.environment.smoothing)) < 1e-12
    assert abs(a.environment.smoothing - 0.3) < 1e-12
    assert (a.environment.scene.control_period, b.environment.scene.control_period) == (0.08, 0.04)
    assert a.environment.substeps == 2 * b.environment.substeps


def test_the_shipped_grasp_is_the_mix_of_figure_3() -> None:
    """Protects the model's card: the experiment and the preset are one training."""
    recipe = parse_training(recipes.grasp(grasping.STEPS, objects=groups.GROUPS["mix"].objects))
    assert recipe == presets.read_preset("gr1-grasp-shown-mix")


def test_the_teacher_that_is_imitated_sees_what_value_networks_see() -> None:
    """Protects hours from a refusal at their beginning."""
    from dactyl.learning import checkpoint
    from dactyl.learning.policy import Policy
    from dactyl.storage.shared import shared

    contract = Policy.load(checkpoint.find_policy(shared(recipes.TEACHER))).contract
    assert tuple(name for name, _ in contract.observation) == recipes.TRUTH
    config = parse_training(recipes.student("all", 1000, imitation=1000))
    environment = config.stages[0].environment
    assert environment.value_terms == recipes.TRUTH
    assert (environment.action_origin, environment.action_scale, environment.smoothing) == (
        contract.action_origin, contract.action_scale, contract.smoothing,
    )  # fmt: skip
