"""Lin et al.'s Figure 5: the same trials, pushed harder and harder, and what is said of them."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from dactyl.environment.randomization import of_task
from dactyl.environment.task import load
from dactyl.reproduction.experiment import Size
from dactyl.reproduction.experiments import pushes
from tests.reproduction.experiments.synthetic import drawn, judged


def results() -> dict[str, object]:
    """Ten goals fewer of 100 with every strength."""
    return {
        pushes._name(policy, hardest): judged([1] * (90 - 10 * place) + [0] * (10 + 10 * place))
        for policy in pushes.POLICIES
        for place, hardest in enumerate(pushes.HARDEST)
    }


def test_trials_differ_in_how_hard_pushes_are_alone() -> None:
    """Protects the comparison: what else Table IV randomizes would hide it."""
    own = of_task(load("grasp_and_reach")).unmodeled_effects
    assert own is not None
    worlds = [pushes.world("grasp_and_reach", hardest).randomization for hardest in pushes.HARDEST]
    assert all(world.physics is None and world.observation_noise is None for world in worlds)
    effects = [asdict(world.unmodeled_effects) for world in worlds if world.unmodeled_effects]
    assert [effect.pop("force_acceleration") for effect in effects] == list(pushes.HARDEST)
    assert all(effect == effects[0] for effect in effects)
    assert effects[0]["force_probability"] == own.force_probability
    assert effects[0]["action_noise_uncorrelated"] in (0.0, None)


def test_every_policy_is_judged_at_every_strength() -> None:
    steps = pushes.plan(Size())
    assert [step.name for step in steps[:2]] == ["grasp-0", "grasp-2"]
    assert len(steps) == len(pushes.POLICIES) * len(pushes.HARDEST)
    assert {step.settings["trials"] for step in steps} == {100}


def test_rows() -> None:
    rows = {row.what: row.ours for row in pushes.EXPERIMENT.rows(results())}  # type: ignore[arg-type]
    assert rows["grasp and reach, left alone"] == "90% (83% … 94%)"
    assert rows["grasp and reach, pushes of 16 m/s²"] == "50% (40% … 60%)"


def test_the_picture() -> None:
    (axes,) = drawn(pushes.EXPERIMENT, results()).axes  # type: ignore[arg-type]
    assert list(axes.lines[0].get_ydata()) == pytest.approx([90.0, 80.0, 70.0, 60.0, 50.0])
    assert list(axes.lines[0].get_xdata()) == list(pushes.HARDEST)
