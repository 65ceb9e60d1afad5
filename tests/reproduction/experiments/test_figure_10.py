"""Figure 10: speed and time to the same goals, against workers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dactyl.reproduction import training
from dactyl.reproduction.experiment import Here, Size
from dactyl.reproduction.experiments import figure_10, figure_10_ray
from tests.reproduction.experiments.synthetic import drawn, trained

RESULTS = {"workers-1": trained(4.0, hours=2.0, speed=1000.0), "workers-2": trained(8.0, hours=2.0, speed=1800.0)}


@pytest.mark.parametrize(("cores", "workers"), [(1, [1, 2]), (2, [1, 2]), (6, [1, 2, 4]), (64, [1, 2, 4, 8])])
def test_workers_double_as_far_as_the_cores_go(cores: int, workers: list[int]) -> None:
    assert figure_10.workers(Size(cores=cores)) == workers


def test_the_batch_grows_with_the_workers() -> None:
    """As the paper's with its GPUs (section 6.5)."""
    one, two = (step.settings["preset"] for step in figure_10.EXPERIMENT.plan(Size(cores=2)))
    assert two["num_envs"] == 2 * one["num_envs"]
    assert two["ppo"]["minibatch"] == 2 * one["ppo"]["minibatch"]
    assert {k: v for k, v in one.items() if k not in ("num_envs", "ppo")} == {
        k: v for k, v in two.items() if k not in ("num_envs", "ppo")
    }


def test_the_rows_compare_with_one_worker() -> None:
    rows = figure_10.EXPERIMENT.rows(RESULTS)
    assert [row.paper for row in rows[:2]] == ["5.5 times as soon", "1.8 times as soon"]
    assert rows[2].what == "1 worker"
    assert "times as soon" not in rows[2].ours
    assert rows[3].ours.startswith("1,800 environment steps/s (1.80 times one worker's); 2.00 goals a minute after")
    assert rows[3].ours.endswith(" times as soon as with one")


def test_the_picture() -> None:
    by_time, by_experience, scale = drawn(figure_10.EXPERIMENT, RESULTS).axes
    assert len(by_time.lines) == len(by_experience.lines) == len(scale.lines) == 2
    assert scale.lines[0].get_ydata() == pytest.approx([1000.0, 1800.0])


def test_on_ray_the_same_presets_are_learned_from_rollout_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the comparison of both ways, and the word distributed: one optimizer, and workers that only simulate."""
    asked: list[dict[str, Any]] = []

    def train(here: Here, preset: Any, **options: Any) -> dict[str, Any]:
        asked.append(options)
        return {"curve": {}}

    monkeypatch.setattr(training, "train", train)
    ours, theirs = (experiment.plan(Size(cores=2)) for experiment in (figure_10_ray.EXPERIMENT, figure_10.EXPERIMENT))
    assert [step.name for step in ours] == ["rollout-workers-1", "rollout-workers-2"]
    assert [step.settings for step in ours] == [step.settings for step in theirs]
    for step in (*ours, *theirs):
        step.do(Here(Path("nowhere"), {}, {}))
    assert asked == [
        {"minutes": 30.0, "workers": 1, "rollout_workers": 1}, {"minutes": 30.0, "workers": 1, "rollout_workers": 2},
        {"minutes": 30.0, "workers": 1}, {"minutes": 30.0, "workers": 2},
    ]  # fmt: skip


def test_the_rows_on_ray_say_rollout_workers() -> None:
    found = {f"rollout-{name}": result for name, result in RESULTS.items()}
    rows = figure_10_ray.EXPERIMENT.rows(found)
    assert [row.what for row in rows[2:]] == ["1 rollout worker", "2 rollout workers"]
    assert len(drawn(figure_10_ray.EXPERIMENT, found).axes) == 3
