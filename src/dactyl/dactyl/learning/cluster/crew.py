"""The rollout workers of one optimizer: who they are, and new ones for those that are lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayActorError

import dactyl
from dactyl.errors import DactylError
from dactyl.learning.cluster.chunk import Arrays
from dactyl.learning.cluster.references import get
from dactyl.learning.cluster.worker import Job, RolloutWorker, Shapes
from dactyl.learning.collector import CollectionConfig

WORKERS_APART = 1_000_000  # between the seeds of two workers of an optimizer
LIVES_APART = 1_000_000_000  # and of a worker and the one that takes its place
PATIENCE = 3
"""A worker that is lost so often without having delivered anything will not be replaced again."""
SILENCE = 30.0  # s of waiting for machines before it is said


@dataclass
class Member:
    """One place in the crew, and who has it."""

    index: int
    actor: Any
    life: int = 0
    """How many had it before."""
    delivered: int = 0
    """Rollouts, in this life."""
    failed: int = 0
    """Lives in a row that delivered nothing."""


class Crew:
    """Actors on any machine of the cluster. Those for whom there is no core yet begin when one joins."""

    def __init__(self, job: Job, size: int, seed: int, say: Callable[[str], None]) -> None:
        """
        Args:
            job: what they do.
            size: how many they shall be.
            seed: of the first one's actions.
            say: tells a person one line.
        """
        self.job, self.seed, self.say = job, seed, say
        self.lost = 0
        """Workers so far whose place another one took."""
        self._environment: tuple[Any, int] = (None, 0)
        self._collection = CollectionConfig()
        self.members = [Member(index, self._hire(index, 0)) for index in range(size)]

    def make(self, environment: Any, seed: int) -> Shapes:
        """Everybody makes the environments of a stage, from its configuration; what these will show.

        Raises:
            DactylError: what an environment says, or that a machine has another version of the code.
        """
        self._environment = environment, seed
        versions = self._first([member.actor.version.remote() for member in self.members], False)
        if versions[0] != dactyl.__version__:
            raise DactylError(f"a machine of the cluster has dactyl {versions[0]}, this one {dactyl.__version__}")
        shapes: list[Shapes] = self._first([self._make(member) for member in self.members], False)
        return shapes[0]

    def begin(self, collection: CollectionConfig, everybody: bool) -> list[Arrays]:
        """Everybody resets its environments; what they show, in order: of everybody, or of those who are there."""
        self._collection = collection
        return self._first([self._begin(member) for member in self.members], everybody)

    def _first(self, references: list[Any], everybody: bool) -> list[Any]:
        """What is behind the references, in order: all of them, or those that are there once one is."""
        count = len(references) if everybody else 1
        waited, told = time.monotonic(), False
        ready: list[Any] = []
        while len(ready) < count:
            ready, _ = ray.wait(references, num_returns=count, timeout=1.0)
            if not told and time.monotonic() - waited > SILENCE:
                told = True
                cores = ray.cluster_resources().get("CPU", 0.0)
                self.say(
                    f"waiting for rollout workers: {len(ready)} of {len(references)} have begun, the cluster has "
                    f"{cores:g} cores and each worker wants {self.job.threads}"
                )
        return [get(reference) for reference in references if reference in ready]

    def replace(self, member: Member) -> None:
        """Somebody new for the place of one who is lost.

        Raises:
            DactylError: this happens again and again.
        """
        self.lost += 1
        member.failed = 0 if member.delivered else member.failed + 1
        if member.failed >= PATIENCE:
            raise DactylError(f"rollout worker {member.index} was lost {PATIENCE} times before it delivered anything")
        self.say(f"rollout worker {member.index} was lost; another one takes its place")
        member.life += 1
        member.delivered = 0
        member.actor = self._hire(member.index, member.life)
        self._make(member)
        self._begin(member)

    @property
    def working(self) -> int:
        """How many have delivered something in this life."""
        return sum(member.delivered > 0 for member in self.members)

    def gather(self) -> list[dict[str, Any]]:
        """The states of all, in order; none where one is lost."""
        try:
            return [get(each) for each in [member.actor.state_dict.remote() for member in self.members]]
        except RayActorError:
            return []

    def scatter(self, states: list[dict[str, Any]]) -> None:
        """Everybody goes on with its state."""
        calls = zip(self.members, states, strict=True)
        for each in [member.actor.load_state_dict.remote(state) for member, state in calls]:
            get(each)

    def dismiss(self) -> None:
        """End them all."""
        for member in self.members:
            ray.kill(member.actor)

    def _hire(self, index: int, life: int) -> Any:
        actor = ray.remote(RolloutWorker).options(num_cpus=self.job.threads, max_restarts=0)
        return actor.remote(self.job, index, self.seed + _apart(index, life))

    def _make(self, member: Member) -> Any:
        environment, seed = self._environment
        return member.actor.make.remote(environment, seed + _apart(member.index, member.life))

    def _begin(self, member: Member) -> Any:
        return member.actor.begin.remote(self._collection)


def _apart(index: int, life: int) -> int:
    return WORKERS_APART * index + LIVES_APART * life
