"""Between rollout workers and an optimizer: keeps the ones busy and has the other's next batch ready."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any, Protocol

import ray
from ray.exceptions import RayActorError

from dactyl.learning.cluster.chunk import Chunk, Weights
from dactyl.learning.cluster.crew import Crew, Member
from dactyl.learning.cluster.references import get

WAIT = 0.2  # s for news from the workers


class Stager(Protocol):
    """Where an optimizer gets its chunks from."""

    dropped: int
    """Chunks so far that were too old."""
    waiting: int
    """Chunks that were ready when the last batch was taken."""

    def publish(self, weights: Weights) -> None:
        """These act from now on."""

    def take(self) -> list[Chunk]:
        """A batch: as many chunks as there are workers, of whichever came first."""

    def close(self) -> None:
        """No more chunks are wanted."""


class Synchronous:
    """Everybody acts with the newest weights, and the slowest is waited for: exact, as on one machine."""

    dropped = 0
    waiting = 0

    def __init__(self, crew: Crew) -> None:
        self.crew = crew
        self.weights: Any = None

    def publish(self, weights: Weights) -> None:
        self.weights = ray.put(weights)

    def take(self) -> list[Chunk]:
        """One chunk of each worker, in their order. One that is lost is replaced and begins afresh."""
        asked = [member.actor.collect.remote(self.weights) for member in self.crew.members]
        chunks: list[Chunk] = []
        for member, reference in zip(self.crew.members, asked, strict=True):
            chunks.append(self._get(member, reference))
            member.delivered += 1
        return chunks

    def _get(self, member: Member, reference: Any) -> Chunk:
        try:
            return get(reference)
        except RayActorError:
            self.crew.replace(member)
        return self._get(member, member.actor.collect.remote(self.weights))

    def close(self) -> None:
        """Nobody is at work between two batches."""


class Asynchronous:
    """Everybody acts all the time, with the weights that were the newest when a rollout began, as in Rapid.

    A worker rests only while a whole batch is ready and not yet taken. Nobody is waited for: a batch is what came
    first, so a slow worker holds nobody up, and one that is lost is missed by nobody.
    """

    def __init__(self, crew: Crew, max_age: int) -> None:
        """Chunks of weights with more than `max_age` updates since are dropped."""
        self.crew, self.max_age = crew, max_age
        self.dropped = 0
        self.waiting = 0
        self.size = len(crew.members)
        self._version = 0
        self._weights: Any = None
        self._ready: deque[Chunk] = deque()
        self._news = threading.Condition()
        self._closed = False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._serve, name="stager", daemon=True)

    def publish(self, weights: Weights) -> None:
        with self._news:
            self._version, self._weights = weights.version, ray.put(weights)
        if not self._thread.is_alive() and not self._closed:
            self._thread.start()

    def take(self) -> list[Chunk]:
        """
        Raises:
            DactylError: what a worker says, or that one is lost again and again.
        """
        with self._news:
            self.waiting = len(self._ready)
            while True:
                if self._failure:
                    raise self._failure
                young = [chunk for chunk in self._ready if self._version - chunk.version <= self.max_age]
                self.dropped += len(self._ready) - len(young)
                self._ready = deque(young)
                if len(self._ready) >= self.size:
                    return [self._ready.popleft() for _ in range(self.size)]
                self._news.wait()

    def close(self) -> None:
        self._closed = True
        if self._thread.is_alive():
            self._thread.join()

    def _serve(self) -> None:
        try:
            asked: dict[Any, Member] = {}
            while not self._closed:
                self._ask(asked)
                self._receive(asked)
        except Exception as error:  # whoever takes the next batch shall know
            with self._news:
                self._failure = error
                self._news.notify_all()

    def _ask(self, asked: dict[Any, Member]) -> None:
        """Give everybody who rests something to do, unless a batch is ready already."""
        with self._news:
            if len(self._ready) >= self.size:
                return
            weights = self._weights
        busy = {member.index for member in asked.values()}
        for member in self.crew.members:
            if member.index not in busy:
                asked[member.actor.collect.remote(weights)] = member

    def _receive(self, asked: dict[Any, Member]) -> None:
        if not asked:
            threading.Event().wait(WAIT / 10.0)
            return
        done, _ = ray.wait(list(asked), num_returns=1, timeout=WAIT)
        for reference in done:
            member = asked.pop(reference)
            try:
                chunk = get(reference)
            except RayActorError:
                self.crew.replace(member)
                continue
            member.delivered += 1
            with self._news:
                self._ready.append(chunk)
                self._news.notify_all()
