"""A trainer whose experience comes from rollout workers, beside one that collects by itself."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from dactyl.learning import checkpoint
from dactyl.learning.cluster.worker import Job
from dactyl.learning.trainer import Trainer
from tests.learning.test_trainer import CONFIG, CONTRACT
from tests.learning.toys import Bandit, Memory, Toy

pytest.importorskip("ray", reason="needs Ray: pip install '.[cluster]'")

import ray

from dactyl.learning.cluster.collector import RemoteCollector, RemoteEnvironments
from dactyl.learning.cluster.crew import Crew

pytestmark = [pytest.mark.usefixtures("cluster"), pytest.mark.slow]
CPU = torch.device("cpu")


def whole(_: Any, seed: int) -> Toy:
    return Memory(CONFIG.num_envs, seed=seed)


def half(_: Any, seed: int) -> Toy:
    return Memory(CONFIG.num_envs // 2, seed=seed)


def bandit(_: Any, seed: int) -> Toy:
    return Bandit(CONFIG.num_envs // 2, seed=seed)


@contextmanager
def crew(make: Any, size: int, say: Callable[[str], None] = print) -> Iterator[Crew]:
    workers = Crew(Job(CONFIG, CONTRACT, make, 1), size, CONFIG.seed, say)
    try:
        yield workers
    finally:
        workers.dismiss()


def remote(workers: Crew, out: Path, *, synchronous: bool, resume: Path | None = None, **changes: Any) -> Trainer:
    collect = partial(RemoteCollector, synchronous=synchronous, max_age=4, optimizers=1)
    make = lambda environment, seed: RemoteEnvironments(workers, environment, seed, CPU)  # noqa: E731
    return Trainer(replace(CONFIG, **changes), make, CONTRACT, out, resume, collect_with=collect)


def table(out: Path) -> list[dict[str, str]]:
    with open(out / "progress.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_in_step_one_worker_is_to_the_bit_what_the_trainer_would_have_done(tmp_path: Path) -> None:
    """Protects that it is one trainer: same losses, same normalizers, same weights after four updates."""
    Trainer(CONFIG, whole, CONTRACT, tmp_path / "here").run()
    with crew(whole, 1) as workers:
        remote(workers, tmp_path / "there", synchronous=True).run()
    here, there = (checkpoint.load_training(checkpoint.resolve(tmp_path / name))["ppo"] for name in ("here", "there"))
    for name, tensor in here["policy"].items():
        assert torch.equal(tensor, there["policy"][name]), name
    assert [row["policy_loss"] for row in table(tmp_path / "here")] == [
        row["policy_loss"] for row in table(tmp_path / "there")
    ]


def test_in_step_it_stops_and_goes_on_to_the_bit(tmp_path: Path) -> None:
    out, steps = tmp_path / "two", CONFIG.total_steps
    with crew(half, 2) as workers:
        remote(workers, tmp_path / "one", synchronous=True).run()
    with crew(half, 2) as workers:
        remote(workers, out, synchronous=True, total_steps=steps // 2).run()
    with crew(half, 2) as workers:
        remote(workers, out, synchronous=True, resume=checkpoint.resolve(out)).run()
    assert [row["reward"] for row in table(tmp_path / "one")] == [row["reward"] for row in table(out)]


def test_out_of_step_it_learns_and_says_how_old_its_experience_is(tmp_path: Path) -> None:
    with crew(bandit, 2) as workers:
        remote(workers, tmp_path, synchronous=False, total_steps=150 * 128).run()
    rows = table(tmp_path)
    rewards = [float(row["reward"]) for row in rows]
    assert sum(rewards[-10:]) / 10 > 3.0 * sum(rewards[:10]) / 10
    ages = [float(row["cluster/age"]) for row in rows]
    assert 0.0 <= min(ages) <= max(ages) <= 4.0
    assert float(rows[-1]["cluster/workers"]) == 2.0


def test_a_worker_that_is_killed_costs_nothing_but_its_rollout(tmp_path: Path) -> None:
    told: list[str] = []
    with crew(half, 2, told.append) as workers:
        trainer = remote(workers, tmp_path, synchronous=False)
        trainer.iterate()
        ray.kill(workers.members[1].actor)
        deadline = time.monotonic() + 60.0
        while not (workers.lost and workers.members[1].delivered) and time.monotonic() < deadline:
            trainer.iterate()
        trainer.collector.close()
        assert workers.lost == 1
        assert told == ["rollout worker 1 was lost; another one takes its place"]
        assert workers.members[1].delivered > 0
