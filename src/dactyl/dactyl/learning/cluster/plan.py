"""A cluster on paper: rollout workers, a network and optimizers as queues, with measured times and sizes.

It answers what a larger cluster would be limited by before anybody buys it. The pipeline is the one of `stager`: a
worker fetches weights, simulates, sends its rollout; an optimizer learns as soon as a batch is there, and publishes.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

WARM_UP = 0.25
"""Share of the simulated time that is not counted: queues are empty at first."""


@dataclass(frozen=True)
class Pipeline:
    """What the cluster is made of. Times in s, sizes in bytes."""

    workers: int
    """Rollout workers, of all optimizers together."""
    chunk_steps: int
    """Control steps in a worker's rollout, of all its environments together."""
    chunk_seconds: float
    """That a worker simulates for one."""
    chunk_bytes: int
    optimizers: int
    batch_chunks: int
    """Rollouts that an optimizer learns from at once."""
    update_seconds: float
    """That it learns from them, and averages gradients."""
    handling_seconds: float
    """Of an optimizer's processor for each rollout that comes in."""
    weights_bytes: int
    workers_per_node: int
    node_bandwidth: float
    """Bytes a second into or out of a machine with workers."""
    optimizer_bandwidth: float
    """Bytes a second into or out of an optimizer, its share of its machine's."""
    slow_share: float = 0.0
    """Of the workers, which take twice as long."""


@dataclass(frozen=True)
class Outcome:
    """How the pipeline runs."""

    steps_per_s: float
    simulating: float
    """Share of the workers' time."""
    learning: float
    """Share of the optimizers' time."""
    network: float
    """Share of the time that an optimizer's link carries rollouts or weights."""
    handling: float
    """Share of the time that an optimizer's processor takes in rollouts."""
    age: float
    """Updates between the weights that acted and the ones that learn, on average."""

    @property
    def limit(self) -> str:
        """What is busiest: there it saturates first."""
        shares = {
            "simulation": self.simulating,
            "learning": self.learning,
            "the optimizers' network": self.network,
            "the optimizers' processor": self.handling,
        }
        return max(shares, key=lambda name: shares[name])


class Server:
    """Does one thing after the other, each for a while."""

    def __init__(self) -> None:
        self.free = 0.0
        self.busy = 0.0

    def serve(self, now: float, seconds: float) -> float:
        """When something that arrives now is done."""
        self.free = max(self.free, now) + seconds
        self.busy += seconds
        return self.free


class Simulation:
    """One optimizer and its workers, event by event: the others are alike."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.p = pipeline
        self.workers = max(1, pipeline.workers // pipeline.optimizers)
        nodes = -(-self.workers // pipeline.workers_per_node)
        self.links = [Server() for _ in range(nodes)]
        self.inward, self.outward, self.processor = Server(), Server(), Server()
        self.ready: deque[int] = deque()
        self.resting: deque[int] = deque(range(self.workers))
        self.learning = False
        self.version, self.updates, self.simulated, self.learned = 0, 0, 0.0, 0.0
        self.ages: list[int] = []
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._number = count()

    def run(self, seconds: float) -> Outcome:
        """So much simulated time."""
        self._wake(0.0)
        start: tuple[float, ...] | None = None
        while self._events and self._events[0][0] <= seconds:
            now, _, event, arguments = heapq.heappop(self._events)
            if start is None and now >= WARM_UP * seconds:
                start = now, *self._totals()
                self.ages.clear()
            event(now, *arguments)
        began, *before = start or (0.0, *(0.0 for _ in self._totals()))
        span = seconds - began
        updates, simulated, learned, network, handling = (
            (after - earlier) / span for after, earlier in zip(self._totals(), before, strict=True)
        )
        return Outcome(
            steps_per_s=updates * self.p.batch_chunks * self.p.chunk_steps * self.p.optimizers,
            simulating=simulated / self.workers,
            learning=learned,
            network=network,
            handling=handling,
            age=sum(self.ages) / max(len(self.ages), 1),
        )

    def _totals(self) -> tuple[float, ...]:
        link = max(self.inward.busy, self.outward.busy)
        return self.updates, self.simulated, self.learned, link, self.processor.busy

    def _at(self, time: float, event: Callable[..., None], *arguments: Any) -> None:
        heapq.heappush(self._events, (time, next(self._number), event, arguments))

    def _wake(self, now: float) -> None:
        """Whoever rests fetches weights and begins, unless a batch is ready already."""
        while self.resting and len(self.ready) < self.p.batch_chunks:
            worker = self.resting.popleft()
            sent = self.outward.serve(now, self.p.weights_bytes / self.p.optimizer_bandwidth)
            there = self._link(worker).serve(sent, self.p.weights_bytes / self.p.node_bandwidth)
            slow = worker < self.p.slow_share * self.workers
            seconds = self.p.chunk_seconds * (2.0 if slow else 1.0)
            self.simulated += seconds
            self._at(there + seconds, self._simulated, worker, self.version)

    def _simulated(self, now: float, worker: int, version: int) -> None:
        sent = self._link(worker).serve(now, self.p.chunk_bytes / self.p.node_bandwidth)
        there = self.inward.serve(sent, self.p.chunk_bytes / self.p.optimizer_bandwidth)
        self._at(self.processor.serve(there, self.p.handling_seconds), self._arrived, worker, version)

    def _arrived(self, now: float, worker: int, version: int) -> None:
        self.ready.append(version)
        self.resting.append(worker)
        self._learn(now)
        self._wake(now)

    def _learn(self, now: float) -> None:
        if self.learning or len(self.ready) < self.p.batch_chunks:
            return
        self.learning = True
        self.ages += [self.version - self.ready.popleft() for _ in range(self.p.batch_chunks)]
        self.learned += self.p.update_seconds
        self._at(now + self.p.update_seconds, self._updated)

    def _updated(self, now: float) -> None:
        self.learning = False
        self.version += 1
        self.updates += 1
        self._learn(now)
        self._wake(now)

    def _link(self, worker: int) -> Server:
        return self.links[worker // self.p.workers_per_node]


def simulate(pipeline: Pipeline, seconds: float) -> Outcome:
    """How the pipeline runs, from so much simulated time."""
    return Simulation(pipeline).run(seconds)


def scale(pipeline: Pipeline, workers: list[int], seconds: float) -> list[tuple[int, Outcome]]:
    """How it runs with other numbers of workers, all else alike but the batch, which is a rollout of each."""
    outcomes = []
    for number in workers:
        chunks = max(1, number // pipeline.optimizers)
        grown = pipeline.update_seconds * chunks / pipeline.batch_chunks
        changed = replace(pipeline, workers=number, batch_chunks=chunks, update_seconds=grown)
        outcomes.append((number, simulate(changed, seconds)))
    return outcomes
