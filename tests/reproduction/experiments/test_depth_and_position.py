"""Lin et al.'s Table III: generalists that differ in what they see alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dactyl.reproduction.experiment import Size
from dactyl.reproduction.experiments import depth_and_position as table
from tests.reproduction.experiments.synthetic import drawn, judged

GOALS = {"both": 60, "depth": 30, "position": 50, "specialist": 27}


def results() -> dict[str, Any]:
    """Ten more were picked up than brought to the goal, of 100."""
    found: dict[str, Any] = {
        name: {
            **judged([1] * goals + [0] * (100 - goals)),
            "counts": {"grasps": {"trials": [1] * (goals + 10) + [0] * (90 - goals)}},
        }
        for name, goals in GOALS.items()
    }
    return {**found, "demonstrations": {"file": "f", "ended": 400, "kept": 100, "rows": 3000}}


def test_generalists_differ_in_what_they_see_alone() -> None:
    """Protects the comparison, and that "depth alone" is told nothing of where the object is."""
    configs = {name: table.config_of(case, quick=False) for name, case in table.CASES.items()}
    assert configs["depth"].sees == ("joint_angles", "goal")
    assert configs["both"].sees == configs["position"].sees == ("joint_angles", "object_position", "goal")
    assert configs["both"].policy == configs["depth"].policy
    assert configs["both"].policy.images
    assert not configs["position"].policy.images
    blind = {replace(config, sees=(), policy=configs["position"].policy) for config in configs.values()}
    assert len(blind) == 1


def test_all_learn_from_one_set_of_demonstrations() -> None:
    steps = {step.name: step for step in table.plan(Size())}
    assert next(iter(steps)) == "demonstrations"
    assert all(steps[f"train-{name}"].needs == ("demonstrations",) for name in table.CASES)
    assert {step.settings["trials"] for name, step in steps.items() if name in GOALS} == {100}


def test_rows() -> None:
    rows = {row.what: row.ours for row in table.EXPERIMENT.rows(results())}
    assert rows["grasping by depth and position: picked up and succeeded"] == (
        "70 picked up and 60 brought to the goal, of 100 (60%, 50% … 69%)"
    )
    assert rows["depth and position do better than depth alone"] == "yes: 60% against 30%"
    assert "100 of 400 demonstrations were kept" in list(rows.values())[-1]


def test_the_picture() -> None:
    (axes,) = drawn(table.EXPERIMENT, results()).axes
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([70, 60, 40, 30, 60, 50, 37, 27])
