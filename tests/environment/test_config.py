"""What an environment is made from: the task's and the robot's own where nothing else is said, checked at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from dactyl.environment import config as config_module
from dactyl.environment import task as tasks
from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.randomization import PhysicsRandomization, RandomizationConfig, UnmodeledEffects
from dactyl.environment.trial import TrialRules
from dactyl.errors import DactylError
from dactyl.robot import robot as robots
from dactyl.robot.robot import Positions, Timing
from dactyl.simulation.scene import SceneConfig
from dactyl.storage.presets import parse
from dactyl.tasks.reorient.rules import ReorientRules

TASK, SHADOW = tasks.load("reorient"), robots.load("shadow")


@dataclass(frozen=True, kw_only=True)
class OtherRules(TrialRules):
    """Of another task."""

    timeout: float = 3.0
    max_successes: int = 2
    distance: float = 0.01

    @property
    def tolerances(self) -> tuple[float, ...]:
        return (self.distance,)


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another task and another robot beside dactyl's."""
    task = replace(
        TASK, name="other", rules=OtherRules(timeout=30.0), training_rules=OtherRules(),
        policy_terms=("joint_angles",), value_terms=("joint_angles", "effects"), reward={"effort": -1.0},
    )  # fmt: skip
    robot = replace(SHADOW, name="slow", timing=Timing(0.1, 0.005), action=Positions(bins=3, smoothing=0.6))
    all_tasks, all_robots = {"reorient": TASK, "other": task}, {"shadow": SHADOW, "slow": robot}
    monkeypatch.setattr(config_module.tasks, "load", all_tasks.__getitem__)
    monkeypatch.setattr(robots, "load", all_robots.__getitem__)


def test_what_is_not_said_is_the_papers():
    """8 s for a goal, Table 2's inputs, the reward of appendix C.1, footnote 15's smoothing, ten physics steps."""
    config = EnvironmentConfig()
    assert config.rules == ReorientRules(tolerance=0.4, timeout=8.0, max_successes=50)
    assert config.reward == {"progress": 1.0, "success": 5.0, "drop": -20.0}
    assert config.policy_terms == ("fingertip_positions", "object_position", "relative_target_orientation")
    assert len(config.value_terms) == 9
    assert (config.smoothing, config.substeps) == (0.3, 10)
    assert (config.action_origin, config.action_scale) == ("current", 1.0)


@pytest.mark.usefixtures("other")
def test_what_is_not_said_is_the_tasks_and_the_robots():
    config = EnvironmentConfig(task="other", scene=SceneConfig(robot="slow"))
    assert config.rules == OtherRules()
    assert config.reward == {"effort": -1.0}
    assert config.policy_terms == ("joint_angles",)
    assert config.value_terms == ("joint_angles", "effects")
    assert (config.smoothing, config.substeps) == (0.6, 20)


def test_what_is_said_holds():
    config = EnvironmentConfig(rules=ReorientRules(timeout=2.0), reward={}, smoothing=1.0, substeps=5, policy_terms=())
    assert (config.rules.timeout, config.reward, config.smoothing, config.substeps) == (2.0, {}, 1.0, 5)
    assert config.policy_terms == ()


def test_what_actions_mean_and_what_is_randomized_is_the_robots_and_the_tasks():
    """Protects TriFinger's presets from the Shadow's: torques, and a table of its own."""
    config = EnvironmentConfig(task="repose", scene=SceneConfig(robot="trifinger", object="cube"))
    assert (config.action_origin, config.smoothing, config.substeps) == ("torque", 1.0, 4)
    assert config.randomization.unmodeled_effects.pose_period == 0.1
    parsed = parse(EnvironmentConfig, {"task": "repose", "randomization": {"physics": None}})
    assert parsed.randomization.physics is None
    assert parsed.randomization.observation_noise == config.randomization.observation_noise


def test_a_changed_reward_leaves_the_tasks_as_it_is():
    EnvironmentConfig().reward["progress"] = 7.0
    assert EnvironmentConfig().reward["progress"] == TASK.reward["progress"] == 1.0


def test_another_tasks_rules_are_refused():
    """Their tolerances are of other errors, in other units."""
    with pytest.raises(DactylError, match="the task reorient has ReorientRules, not OtherRules"):
        EnvironmentConfig(rules=OtherRules())


# --------------------------------------------------------------------------------------------------------- presets


def test_a_presets_rules_are_laid_over_its_tasks():
    """Not over those of evaluations, which have ten times as long."""
    config = parse(EnvironmentConfig, {"task": "reorient", "rules": {"tolerance": 0.2}})
    assert config == EnvironmentConfig(rules=ReorientRules(tolerance=0.2, timeout=8.0))
    assert parse(EnvironmentConfig, {"rules": {"tolerance": 0.2}}) == config
    assert parse(EnvironmentConfig, {}) == EnvironmentConfig()


@pytest.mark.usefixtures("other")
def test_a_presets_rules_are_those_of_the_task_it_names():
    values = {"rules": {"distance": 0.02}, "task": "other", "scene": {"robot": "slow"}}
    config = parse(EnvironmentConfig, values)
    assert config.rules == OtherRules(distance=0.02)
    assert (config.policy_terms, config.smoothing) == (("joint_angles",), 0.6)
    # also where the default is of another task
    assert parse(EnvironmentConfig, values, "environment", EnvironmentConfig()) == config
    with pytest.raises(DactylError, match=r"unknown key rules.tolerance: choose from timeout, max_successes, distance"):
        parse(EnvironmentConfig, {"task": "other", "rules": {"tolerance": 0.2}})


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"rules": {"tolerence": 0.2}}, "unknown key environment.rules.tolerence: choose from timeout, max_successes"),
        ({"rules": {"tolerance": 0.0}}, "environment.rules: trial rules: tolerance 0.0 rad"),
        ({"task": "juggle"}, "there is no task 'juggle'"),
        ({"smoothing": 2.0}, "environment: .*smoothing 2.0"),
    ],
)
def test_a_presets_mistakes_are_named(values, says):
    with pytest.raises(DactylError, match=says):
        parse(EnvironmentConfig, values, "environment")


def test_a_preset_may_show_the_value_network_what_is_hidden():
    terms = ["object_position", "physics_factors", "effects"]
    assert parse(EnvironmentConfig, {"value_terms": terms}).value_terms == tuple(terms)


# --------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"reward": {"joy": 1.0}}, "'joy'"),
        ({"policy_terms": ("touch",)}, "'touch'"),
        ({"value_terms": ("touch",)}, "'touch'"),
        ({"start_steps": -1}, "start_steps -1"),
        ({"scripted_starts": 1.5}, "scripted_starts 1.5"),
        ({"scripted_starts": 0.5}, "the robot shadow has no script for scripted_starts"),
        ({"substeps": 0}, "substeps 0"),
        ({"reset_pool": -0.1}, "reset_pool -0.1"),
        ({"reset_pool": float("nan")}, "reset_pool nan"),
        ({"smoothing": 0.0}, "smoothing 0.0"),
        ({"smoothing": 1.1}, "smoothing 1.1"),
        ({"action_origin": "wrist"}, "current or middle, not 'wrist'"),
        ({"action_scale": 0.0}, "action_scale 0.0"),
        ({"action_scale": float("inf")}, "action_scale inf"),
        ({"goal_angle_limit": 0.4}, "goal_angle_limit 0.4"),
        ({"goal_angle_limit": 0.2, "rules": ReorientRules(tolerance=0.2)}, "goal_angle_limit 0.2"),
        ({"rules": ReorientRules(timeout=0.07)}, "timeout 0.07 s must be >= 0.08"),
        ({"randomization": RandomizationConfig(unmodeled_effects=UnmodeledEffects(dropout_rate=13.0))}, "dropout_rate"),
        ({"task": "juggle"}, "there is no task 'juggle'"),
        ({"scene": SceneConfig(robot="shadwo")}, "there is no robot 'shadwo'"),
        ({"scene": SceneConfig(object="cone")}, "unknown object 'cone'"),
    ],
    ids=str,
)
def test_impossible_options_are_refused(wrong, says):
    """A timeout below a control step would end trials in the very step that reaches a goal."""
    with pytest.raises(DactylError, match=says):
        EnvironmentConfig(**wrong)


def test_sizes_no_prism_is_made_in_are_refused():
    """Its meshes come in sizes 0.95 to 1.05; anything else would silently be one of these."""
    physics = PhysicsRandomization(object_dimensions=(0.9, 1.1))
    config = {"randomization": RandomizationConfig(physics=physics)}
    EnvironmentConfig(**config)
    with pytest.raises(DactylError, match="object_dimensions"):
        EnvironmentConfig(scene=SceneConfig(object="octagonal_prism"), **config)
