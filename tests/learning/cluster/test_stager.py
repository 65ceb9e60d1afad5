"""Who gets which weights when, and what becomes of the slow, the old and the lost: real actors, made-up work."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dactyl.errors import DactylError
from dactyl.learning.cluster.chunk import Chunk, Weights

pytest.importorskip("ray", reason="needs Ray: pip install '.[cluster]'")

import ray

from dactyl.learning.cluster.crew import PATIENCE, Member
from dactyl.learning.cluster.stager import Asynchronous, Synchronous

pytestmark = [pytest.mark.usefixtures("cluster"), pytest.mark.slow]


class Worker:
    """Says who it is, with which weights, after a while; ends itself or fails where it is told."""

    def __init__(self, index: int, seconds: float, ends: bool = False, fails: bool = False) -> None:
        self.index, self.seconds, self.ends, self.fails = index, seconds, ends, fails

    def collect(self, weights: Weights) -> Chunk:
        time.sleep(self.seconds)
        if self.ends:
            ray.actor.exit_actor()
        if self.fails:
            raise DactylError("the scene is wrong")
        return Chunk(self.index, weights.version, {}, {})


class MadeUpCrew:
    """Members as a `Crew` has them."""

    def __init__(self, *members: dict[str, Any], heir: Callable[[int], dict[str, Any]] | None = None) -> None:
        self.heir = heir or (lambda index: {"seconds": 0.01})
        self.members = [Member(i, ray.remote(Worker).options(num_cpus=0).remote(i, **m)) for i, m in enumerate(members)]
        self.lost = 0

    def replace(self, member: Member) -> None:
        self.lost += 1
        if self.lost >= PATIENCE:
            raise DactylError("lost again and again")
        member.actor = ray.remote(Worker).options(num_cpus=0).remote(member.index, **self.heir(member.index))


def weights(version: int) -> Weights:
    return Weights(version, {"a": np.zeros(3)}, {})


class TestAsynchronous:
    def stager(self, *members: dict[str, Any], max_age: int = 100, **options: Any) -> Asynchronous:
        return Asynchronous(MadeUpCrew(*members, **options), max_age)  # type: ignore[arg-type]

    def test_a_slow_worker_holds_nobody_up(self) -> None:
        stager = self.stager({"seconds": 0.01}, {"seconds": 60.0})
        stager.publish(weights(0))
        start = time.monotonic()
        batches = [stager.take() for _ in range(3)]
        assert time.monotonic() - start < 30.0
        assert {chunk.worker for batch in batches for chunk in batch} == {0}
        stager.close()

    def test_a_worker_takes_the_newest_weights_for_its_next_rollout(self) -> None:
        stager = self.stager({"seconds": 0.05})
        for version in range(4):
            stager.publish(weights(version))
            (chunk,) = stager.take()
            assert version - chunk.version in (0, 1, 2)
        assert chunk.version > 0
        stager.close()

    def test_what_is_too_old_is_dropped_and_counted(self) -> None:
        stager = self.stager({"seconds": 0.05}, max_age=1)
        stager.publish(weights(0))
        stager.take()
        time.sleep(0.5)  # one more is ready by now, of weights 0
        stager.publish(weights(5))
        (chunk,) = stager.take()
        assert chunk.version == 5
        assert stager.dropped >= 1
        stager.close()

    def test_workers_rest_while_a_batch_is_ready(self) -> None:
        """Protects the store from filling while an optimizer writes a checkpoint."""
        stager = self.stager({"seconds": 0.01}, {"seconds": 0.01})
        stager.publish(weights(0))
        time.sleep(2.0)
        stager.take()
        assert stager.waiting <= 4
        stager.close()

    def test_the_place_of_a_lost_worker_is_filled(self) -> None:
        stager = self.stager({"seconds": 0.01}, {"seconds": 0.01, "ends": True})
        stager.publish(weights(0))
        workers: set[int] = set()
        deadline = time.monotonic() + 60.0
        while workers != {0, 1} and time.monotonic() < deadline:
            workers |= {chunk.worker for chunk in stager.take()}
        assert workers == {0, 1}
        assert stager.crew.lost == 1
        stager.close()

    def test_a_worker_that_is_always_lost_ends_the_training(self) -> None:
        stager = self.stager({"seconds": 0.01, "ends": True}, heir=lambda index: {"seconds": 0.01, "ends": True})
        stager.publish(weights(0))
        with pytest.raises(DactylError, match="again and again"):
            stager.take()
        stager.close()

    def test_what_is_wrong_far_away_is_said_here_in_one_line(self) -> None:
        stager = self.stager({"seconds": 0.01, "fails": True})
        stager.publish(weights(0))
        with pytest.raises(DactylError, match=r"^the scene is wrong$"):
            stager.take()
        stager.close()


class TestSynchronous:
    def test_a_batch_is_everybodys_with_the_newest_weights_and_in_order(self) -> None:
        stager = Synchronous(MadeUpCrew({"seconds": 0.3}, {"seconds": 0.01}, {"seconds": 0.1}))  # type: ignore[arg-type]
        for version in range(3):
            stager.publish(weights(version))
            batch = stager.take()
            assert [chunk.worker for chunk in batch] == [0, 1, 2]
            assert {chunk.version for chunk in batch} == {version}
        stager.close()

    def test_a_lost_worker_is_replaced_within_the_batch(self) -> None:
        crew = MadeUpCrew({"seconds": 0.01}, {"seconds": 0.01, "ends": True})
        stager = Synchronous(crew)  # type: ignore[arg-type]
        stager.publish(weights(0))
        assert [chunk.worker for chunk in stager.take()] == [0, 1]
        assert crew.lost == 1
