"""40 ms against 80 ms: the verdict, and environments that really decide so often."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from dactyl.environment.environment import Environment
from dactyl.environment.randomization import select
from dactyl.learning.evaluation import environment_config
from dactyl.learning.policy import Contract
from dactyl.reproduction.experiments import control_period
from tests.reproduction.experiments.synthetic import drawn, judged, trained


def results(slow: list[int], fast: list[int]) -> dict[str, Any]:
    return {
        "train-80-ms": trained(4.0, hours=1.0), "train-40-ms": trained(4.0, hours=1.5), "80-ms": judged(slow),
        "40-ms": judged(fast),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("slow", "fast", "verdict"),
    [
        ([1, 1, 2], [20, 21, 22], "better"),
        ([20, 21, 22], [1, 1, 2], "worse"),
        ([1, 5, 9], [2, 5, 8], "no clear difference"),
    ],
)
def test_the_intervals_decide(slow: list[int], fast: list[int], verdict: str) -> None:
    said = control_period.verdict(results(slow, fast))
    assert said == f"{verdict}, after 1.5 times the training time for the same simulated time"


def test_rows_and_picture() -> None:
    found = results([4, 5], [5, 6])
    claim, slow, fast = control_period.rows(found)
    assert claim.paper == "longer training, no noticeable improvement"
    assert slow.ours.endswith("trained for 1.0 h")
    assert fast.what == "a decision every 40 ms"
    assert [len(axes.lines) for axes in drawn(control_period.EXPERIMENT, found).axes] == [2, 2]


def test_a_policy_of_40_ms_is_judged_in_steps_of_40_ms() -> None:
    """Physics steps stay 8 ms; timeouts count simulated time."""
    config = environment_config(Contract(control_period=0.04), select("none"))
    assert config.substeps == 5
    environment = Environment(replace(config, start_steps=2), 2, seed=0, threads=1)
    assert environment.control_period == 0.04
    environment.reset()
    step = environment.step(torch.full((2, 20), 5))
    assert step.info["duration"].tolist() == pytest.approx([0.04, 0.04])


def test_the_usual_period_leaves_the_configuration_as_it_was() -> None:
    assert environment_config(Contract(), select("all")).scene.control_period is None
