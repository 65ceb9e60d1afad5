"""What a larger cluster would do, from figures of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from dactyl.learning.cluster.benchmark import Site, as_text, bench_cluster, measure_parts, plan

PARTS = {
    "collect_steps_per_s": 1000.0,
    "update_steps_per_s": 1000.0,
    "chunk_bytes_per_step": 1000.0,
    "weights_bytes": 1e6,
    "handling_steps_per_s": 1e9,
}
SITE = Site(cores=64, cores_per_machine=16, gpus=1, gpu_speedup=500.0, gigabits=100.0, horizon=10)
PRESET = """
num_envs: 4
total_steps: 1000
policy: {dense: [8], lstm: 4}
value: {dense: [8], lstm: 4}
collection: {horizon: 4, sequence: 4}
ppo: {minibatch: 8, minibatches: 2}
environment: {start_steps: 2, reset_pool: 0.4, scene: {object: sphere}}
"""


def test_what_is_not_limited_is_as_much_as_all_cores_simulate() -> None:
    rows = plan(PARTS, SITE)
    assert [row["cores"] for row in rows] == [16, 32, 64]
    assert rows[-1]["steps_per_s"] == pytest.approx(64_000.0, rel=0.05)
    assert rows[-1]["limit"] == "simulation"


def test_a_slow_network_is_named() -> None:
    """2 gigabits are 250,000 of these steps a second, and the weights take their part."""
    (*_, row) = plan({**PARTS, "chunk_bytes_per_step": 5_000.0}, Site(64, 16, 1, 500.0, 1.0, 10))
    assert row["limit"] == "the optimizers' network"
    assert row["steps_per_s"] < 1e9 / 8.0 / 5_000.0


def test_parts_are_measured_of_any_preset(tmp_path: Path) -> None:
    preset = tmp_path / "tiny.yaml"
    preset.write_text(PRESET)
    parts = measure_parts(str(preset))
    assert parts.keys() == PARTS.keys()
    assert all(figure > 0.0 for figure in parts.values())
    ways = bench_cluster(str(preset), (), 4, 1, 1)
    assert "4 machines, 64 cores" in as_text({"ways": ways, "parts": parts, "plan": plan(parts, SITE, 10.0)})
