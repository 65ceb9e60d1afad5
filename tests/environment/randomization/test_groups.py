"""The groups of Table 4 and their switches."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dactyl.environment import task as tasks
from dactyl.environment.randomization import (
    GROUPS,
    ObservationNoise,
    PhysicsRandomization,
    RandomizationConfig,
    UnmodeledEffects,
    of_task,
    select,
)
from dactyl.errors import DactylError


def test_all_groups_are_on_by_default():
    assert select("all") == RandomizationConfig(ObservationNoise(), PhysicsRandomization(), UnmodeledEffects())
    assert GROUPS == ("observation_noise", "physics", "unmodeled_effects")


@pytest.mark.parametrize(
    ("choice", "on"),
    [
        ("all", {"observation_noise", "physics", "unmodeled_effects"}),
        ("none", set()),
        ("-physics", {"observation_noise", "unmodeled_effects"}),
        ("-observation_noise, -unmodeled_effects", {"physics"}),
    ],
)
def test_groups_are_switched_one_by_one(choice, on):
    """Table 4's ablations: exactly the named groups are missing."""
    config = select(choice)
    assert {group for group in GROUPS if getattr(config, group) is not None} == on


@pytest.mark.parametrize("wrong", ["", "physics", "-phys", "none,-physics", "-physics,unmodeled_effects", "-"])
def test_other_choices_are_refused(wrong):
    with pytest.raises(DactylError, match="choose all, none, or -GROUP"):
        select(wrong)


OWN = RandomizationConfig(ObservationNoise(base_marker=0.5), PhysicsRandomization(gravity=0.1), None)


def test_what_stays_on_has_the_tasks_own_values():
    assert select("all", OWN) is OWN
    assert select("-observation_noise", OWN) == RandomizationConfig(None, OWN.physics, None)
    assert select("none", OWN) == RandomizationConfig(None, None, None)


def test_a_preset_is_laid_over_the_tasks_own_values():
    """A value that it does not name is the task's, of a group that the task has off the first paper's."""
    read = RandomizationConfig.from_config
    assert read("all", "r", OWN) is OWN
    values = {"physics": {"friction": [0.9, 1.1]}, "unmodeled_effects": {"joint_offset": 0.0}}
    found = read(values, "r", OWN)
    assert found.physics == PhysicsRandomization(gravity=0.1, friction=(0.9, 1.1))
    assert found.observation_noise == OWN.observation_noise
    assert found.unmodeled_effects == UnmodeledEffects(joint_offset=0.0)
    assert read({"physics": None}, "r", OWN) == RandomizationConfig(OWN.observation_noise, None, None)
    assert read(values, "r", None).physics == PhysicsRandomization(friction=(0.9, 1.1))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"weather": None}, "unknown key r.weather"),
        (3, "r: expected a mapping, not 3"),
        ({"physics": {"gravitation": 1.0}}, "unknown key r.physics.gravitation"),
        ({"physics": {"gravity": -1.0}}, "gravity"),
    ],
)
def test_a_presets_mistakes_are_named(value, says):
    with pytest.raises(DactylError, match=says):
        RandomizationConfig.from_config(value, "r", OWN)


def test_a_task_may_have_values_of_its_own():
    plain = tasks.load("reorient")
    assert of_task(plain) == RandomizationConfig()
    own = replace(plain, randomization="tests.environment.randomization.test_groups:OWN")
    assert of_task(own) == OWN
    wrong = replace(plain, randomization="tests.environment.randomization.test_groups:select")
    with pytest.raises(DactylError, match="of the task 'reorient' is no RandomizationConfig but of the type function"):
        of_task(wrong)
