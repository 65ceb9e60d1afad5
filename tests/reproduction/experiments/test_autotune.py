"""Lin et al.'s Table I: trainings that differ in their model alone, and what is said of their success."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from dactyl.reproduction.experiment import Size
from dactyl.reproduction.experiments import autotune
from tests.reproduction.experiments.synthetic import drawn, judged

ERRORS = {"hidden": 0.1, "lowest": 1.0, "nominal": 2.0, "median": 4.0, "highest": 9.0}


def results(reached: Mapping[str, int], grasped: int = 80) -> dict[str, Any]:
    """So many of 100 goals with each seed of a model."""
    found: dict[str, Any] = {
        "models": {
            "recorded_s": 170.0, "autotune_s": 50.0, "numbers": 46,
            "error_deg": {name: {"fitted": error, "held_out": error} for name, error in ERRORS.items()},
        }
    }  # fmt: skip
    for model, goals in reached.items():
        for seed in autotune.SEEDS:
            summary = judged([1] * goals + [0] * (100 - goals))
            found[f"{model}-{seed}"] = {
                **summary, "counts": {"grasps": {"mean": 0.8, "trials": [1] * grasped + [0] * (100 - grasped)}},
            }  # fmt: skip
    return found


def test_trainings_differ_in_their_model_alone() -> None:
    """Protects the comparison; each is judged on the same hidden robot."""
    steps = {step.name: step for step in autotune.plan(Size())}
    for seed in autotune.SEEDS:
        trained = [steps[f"train-{model}-{seed}"] for model in autotune.MODELS]
        assert all(step.settings == trained[0].settings for step in trained)
        judges = [steps[f"{model}-{seed}"] for model in autotune.MODELS]
        assert all(step.settings == judges[0].settings for step in judges)
        assert [step.needs for step in judges] == [("models", step.name) for step in trained]
    assert steps["train-lowest-0"].settings != steps["train-lowest-1"].settings


@pytest.mark.parametrize(
    ("reached", "said"),
    [
        ({"lowest": 70, "median": 30, "highest": 0}, "yes: 140, 60, 0 reached; the first and the last are apart"),
        ({"lowest": 70, "median": 80, "highest": 0}, "no: 140, 160, 0 reached"),
        ({"lowest": 70, "median": 70, "highest": 0}, "no: 140, 140, 0 reached"),
        ({"lowest": 42, "median": 41, "highest": 40}, "not clear: 84, 82, 80 reached; intervals overlap"),
    ],
)
def test_the_order_is_said_as_it_is(reached: Mapping[str, int], said: str) -> None:
    rows = autotune.rows(results(reached))
    assert rows[3].ours == said
    lowest = reached["lowest"]
    assert rows[0].ours.startswith(f"160 and {2 * lowest} of 200")
    assert rows[0].ours.endswith(f"by seed 80 and {lowest}, 80 and {lowest}")
    assert "1.00°" in rows[0].what
    assert rows[4].ours == "170 s of the robot, 50 s of this machine; 46 numbers"


def test_the_picture_has_errors_and_both_stages() -> None:
    errors, success = drawn(autotune.EXPERIMENT, results({"lowest": 70, "median": 30, "highest": 0})).axes
    assert [round(bar.get_width()) for bar in errors.patches] == [0, 1, 2, 4, 9]
    assert [round(bar.get_width()) for bar in success.patches] == [80, 70, 80, 30, 80, 0]
