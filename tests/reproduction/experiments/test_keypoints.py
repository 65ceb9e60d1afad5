"""Keypoints against position and quaternion: trainings that differ in this alone, a verdict that needs every seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from dactyl.learning.config import parse_training
from dactyl.reproduction.experiment import Size
from dactyl.reproduction.experiments import keypoints
from dactyl.reproduction.inputs import difference
from tests.reproduction.experiments.synthetic import drawn, judged, trained


def results(reached: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """So many of 100 goals with each seed of a case; those that are not named reach 10."""
    found: dict[str, Any] = {}
    for name in keypoints.CASES:
        for seed, goals in zip(keypoints.SEEDS, reached.get(name, (10, 10, 10)), strict=True):
            found[f"train-{name}-{seed}"] = trained(0.5)
            found[f"{name}-{seed}"] = judged([1] * goals + [0] * (100 - goals))
    return found


def test_all_seeds_of_a_case_count_and_no_other_case() -> None:
    found = keypoints.success(results({"kp-kp": (30, 50, 40), "pq-kp": (90, 90, 90)}), "kp-kp")
    assert found.share == pytest.approx(0.4)
    assert found.seeds == pytest.approx((0.3, 0.5, 0.4))
    assert 0.34 < found.low < 0.4 < found.high < 0.46


@pytest.mark.parametrize(
    ("both", "verdict"),
    [
        ((40, 45, 50), "yes: 45% against 10%, with every seed"),
        ((1, 0, 2), "no: 1% against 10%, with every seed"),
        ((9, 60, 50), "not clear: 40% against 10%; intervals or seeds overlap"),  # one seed learned nothing
        ((12, 11, 13), "not clear: 12% against 10%; intervals or seeds overlap"),
    ],
)
def test_a_claim_holds_only_with_every_seed(both: tuple[int, ...], verdict: str) -> None:
    rows = {row.what: row for row in keypoints.rows(results({"kp-kp": both}))}
    assert rows["keypoints in both: more success than in the reward alone"].ours == verdict


def test_each_case_has_a_row_with_its_seeds() -> None:
    rows = keypoints.rows(results({"pq-pq": (1, 2, 3)}))
    assert len(rows) == 8
    assert rows[-1].ours.startswith("2% reached (1% … 4%); by seed 1%, 2%, 3%")


@pytest.mark.parametrize("quick", [False, True])
def test_trainings_differ_in_what_is_compared_alone(quick: bool) -> None:
    """Protects the comparison: same steps, networks, goals."""
    made = [keypoints.preset(name, 0, quick) for name in keypoints.CASES]
    for preset in made:
        assert parse_training(preset).stages[-1].environment.task == "repose"
        environment = {
            key: value
            for key, value in preset["environment"].items()
            if key not in ("policy_terms", "value_terms", "reward")
        }
        first = {key: made[0]["environment"][key] for key in environment}
        assert difference({**preset, "environment": environment}, {**made[0], "environment": first}) == ""
    told = {(tuple(p["environment"]["policy_terms"]), str(p["environment"]["reward"])) for p in made}
    assert len(told) == len(keypoints.CASES)


def test_policies_are_judged_by_the_rules_that_they_were_trained_with() -> None:
    """Protects the success of planar goals from being that of cubes in the air, which the task's own rules ask for."""
    steps = {step.name: step for step in keypoints.plan(Size())}
    assert len(steps) == 2 * len(keypoints.CASES) * len(keypoints.SEEDS)
    step = steps["kp-pq-2"]
    assert step.needs == ("train-kp-pq-2",)
    assert step.settings["rules"]["planar"] is True
    assert steps["train-kp-pq-2"].settings["preset"]["seed"] == 2
    assert step.work["evaluation steps"] == pytest.approx(100 * 3.0 / 0.02)


def test_the_picture() -> None:
    learning, reached = drawn(keypoints.EXPERIMENT, results({"kp-kp": (40, 45, 50)})).axes
    assert len(learning.lines) == len(keypoints.CASES)
    assert [bar.get_width() for bar in reached.patches] == pytest.approx([45.0, 10.0, 10.0, 10.0])
