"""The cluster on paper, against what can be told without simulating it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dactyl.learning.cluster.plan import Pipeline, scale, simulate

FREE = 1e18  # bytes a second
PIPELINE = Pipeline(
    workers=8,
    chunk_steps=100,
    chunk_seconds=1.0,
    chunk_bytes=1000,
    optimizers=2,
    batch_chunks=4,
    update_seconds=0.01,
    handling_seconds=0.0,
    weights_bytes=1000,
    workers_per_node=4,
    node_bandwidth=FREE,
    optimizer_bandwidth=FREE,
)


def test_where_all_else_is_free_the_workers_decide() -> None:
    outcome = simulate(PIPELINE, 400.0)
    assert outcome.steps_per_s == pytest.approx(8 * 100, rel=0.02)
    assert outcome.simulating > 0.98
    assert outcome.limit == "simulation"


def test_a_slow_update_decides_and_the_workers_rest() -> None:
    outcome = simulate(replace(PIPELINE, update_seconds=5.0), 2000.0)
    assert outcome.steps_per_s == pytest.approx(2 * 400 / 5.0, rel=0.02)
    assert outcome.learning > 0.98
    assert outcome.simulating < 0.25
    assert outcome.limit == "learning"


@pytest.mark.parametrize(
    ("change", "limit"),
    [
        ({"optimizer_bandwidth": 2000.0}, "the optimizers' network"),
        ({"handling_seconds": 1.0}, "the optimizers' processor"),
    ],
)
def test_a_link_or_a_processor_that_cannot_keep_up_is_named(change: dict[str, float], limit: str) -> None:
    outcome = simulate(replace(PIPELINE, **change), 2000.0)  # type: ignore[arg-type]
    assert outcome.limit == limit
    assert outcome.steps_per_s < 0.6 * 800


def test_slow_workers_hold_nobody_up() -> None:
    """Half as fast is each fourth one: seven eighths of the steps stay."""
    outcome = simulate(replace(PIPELINE, slow_share=0.25), 400.0)
    assert outcome.steps_per_s == pytest.approx(0.875 * 800, rel=0.03)


def test_experience_is_an_update_or_two_old() -> None:
    assert 0.0 < simulate(PIPELINE, 400.0).age <= 2.0


def test_more_workers_are_more_steps_until_something_is_full() -> None:
    """Two optimizers that learn from 400 steps in 0.01 s can take 80,000 steps/s and no more."""
    outcomes = [outcome for _, outcome in scale(PIPELINE, [2, 4, 8, 1600], 200.0)]
    rates = [outcome.steps_per_s for outcome in outcomes]
    assert rates[1] == pytest.approx(2.0 * rates[0], rel=0.03)
    assert rates[2] == pytest.approx(4.0 * rates[0], rel=0.03)
    assert rates[3] == pytest.approx(80_000.0, rel=0.03)
    assert outcomes[3].limit == "learning"
