"""What a person asks of a farm as a job: what they leave open, the policy's file says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dactyl.environment import task as tasks
from dactyl.errors import DactylError
from dactyl.farm.job import Job
from dactyl.farm.options import JobOptions
from dactyl.ranges import check_options
from dactyl.storage.contract import read_contract


def job_for(
    policy: Path, asked: JobOptions, position: Sequence[float] | None, quaternion: Sequence[float] | None
) -> Job:
    """The job.

    Args:
        policy: its file.
        asked: see there.
        position: (3,) of the object in each trial's only goal, robot frame, m; None: goals are drawn.
        quaternion: (4,) of the object in it, w x y z.

    Raises:
        DactylError: the file is no policy; half a goal is given; something cannot be.
    """
    check_options(asked)
    if (position is None) != (quaternion is None):
        raise DactylError("a goal needs both --position and --quaternion")
    use = read_contract(policy)
    return Job(
        robot=asked.robot or use.robot,
        task=asked.task or use.task,
        object=asked.object or use.object or tasks.load(use.task).objects[0],
        trials=asked.trials,
        seed=asked.seed,
        goal=(*map(float, position or ()), *map(float, quaternion or ())),
        seconds=asked.seconds or 0.0,
        rules=asked.rules,
    )
