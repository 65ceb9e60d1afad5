"""The groups of Table 4 and their switches."""

from __future__ import annotations

import pytest

from dactyl.environment.randomization import (
    GROUPS,
    ObservationNoise,
    PhysicsRandomization,
    RandomizationConfig,
    UnmodeledEffects,
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
