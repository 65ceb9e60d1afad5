"""Figure 10: speed and time to the same goals, against workers."""

from __future__ import annotations

import pytest

from dactyl.reproduction.experiment import Size
from dactyl.reproduction.experiments import figure_10
from tests.reproduction.experiments.synthetic import drawn, trained

RESULTS = {"workers-1": trained(4.0, hours=2.0, speed=1000.0), "workers-2": trained(8.0, hours=2.0, speed=1800.0)}


@pytest.mark.parametrize(("cores", "workers"), [(1, [1, 2]), (2, [1, 2]), (6, [1, 2, 4]), (64, [1, 2, 4, 8])])
def test_workers_double_as_far_as_the_cores_go(cores: int, workers: list[int]) -> None:
    assert figure_10.workers(Size(cores=cores)) == workers


def test_the_batch_grows_with_the_workers() -> None:
    """As the paper's with its GPUs (section 6.5)."""
    one, two = (step.settings["preset"] for step in figure_10.plan(Size(cores=2)))
    assert two["num_envs"] == 2 * one["num_envs"]
    assert two["ppo"]["minibatch"] == 2 * one["ppo"]["minibatch"]
    assert {k: v for k, v in one.items() if k not in ("num_envs", "ppo")} == {
        k: v for k, v in two.items() if k not in ("num_envs", "ppo")
    }


def test_the_rows_compare_with_one_worker() -> None:
    rows = figure_10.rows(RESULTS)
    assert [row.paper for row in rows[:2]] == ["5.5 times as soon", "1.8 times as soon"]
    assert rows[2].what == "1 worker"
    assert "times as soon" not in rows[2].ours
    assert rows[3].ours.startswith("1,800 environment steps/s (1.80 times one worker's); 2.00 goals a minute after")
    assert rows[3].ours.endswith(" times as soon as with one")


def test_the_picture() -> None:
    by_time, by_experience, scale = drawn(figure_10.EXPERIMENT, RESULTS).axes
    assert len(by_time.lines) == len(by_experience.lines) == len(scale.lines) == 2
    assert scale.lines[0].get_ydata() == pytest.approx([1000.0, 1800.0])
