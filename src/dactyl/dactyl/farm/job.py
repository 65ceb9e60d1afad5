"""What somebody asks of the farm: a few numbers beside a policy file. Nothing in it is run."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from dactyl.environment import task as tasks
from dactyl.errors import DactylError
from dactyl.farm.options import JobTrials
from dactyl.ranges import Range, Seed, check_options
from dactyl.storage.presets import parse

MAX_BYTES = 16 * 1024
"""Of a job's JSON."""
GoalSeconds = Annotated[float, Range(0.0, 3600.0)]
GoalPart = Annotated[float, Range(-1.0, 1.0)]


@dataclass(frozen=True)
class Job:
    """One job. Which of the farm's robots runs it is not to be chosen."""

    robot: str
    """Kind of robot: the policy's and the farm's."""
    task: str
    object: str
    trials: JobTrials = 10
    seed: Seed = 0
    """Of the goals, of how the object is placed, and of the policy's drawn actions."""
    goal: tuple[GoalPart, ...] = ()
    """The object's pose that is each trial's only goal: x y z, m, and w x y z, robot frame; empty: goals are drawn."""
    seconds: GoalSeconds = 0.0
    """Simulated time for each goal; 0: the task's own."""
    rules: str = ""
    """Rules of the trials that differ from the task's, in YAML without anchors."""

    def __post_init__(self) -> None:
        check_options(self)
        if "&" in self.rules or "*" in self.rules:  # a few bytes of YAML may stand for more than fits into a memory
            raise DactylError("rules must be YAML without anchors")
        if self.rules:
            tasks.load(self.task).rules_with(self.rules)
        if self.goal and (len(self.goal) != 7 or math.hypot(*self.goal[3:]) < 1e-3):
            raise DactylError("goal must hold x y z and a rotation w x y z, or nothing")

    @classmethod
    def from_json(cls, text: str | bytes) -> Job:
        """Read a job.

        Raises:
            DactylError: it is not JSON, or names the key that is unknown, missing or cannot be.
        """
        if len(text) > MAX_BYTES:
            raise DactylError(f"the job has more than {MAX_BYTES} bytes")
        try:
            values: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DactylError("the job is not JSON") from error
        try:
            job: Job = parse(cls, values, "job")
        except TypeError as error:  # a field that has no default
            raise DactylError("the job must name robot, task and object") from error
        except (ValueError, OverflowError, RecursionError) as error:  # int(NaN), float(10**400)
            raise DactylError("the job holds what no job can") from error
        return job

    def to_json(self) -> str:
        """As `from_json` reads it."""
        return json.dumps(asdict(self))
