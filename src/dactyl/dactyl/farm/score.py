"""What a run was worth, by where the object truly was: computed from the bag, whatever policy and referee believed.

The pure functions are those of the referee and of training. A bag that lacks a control step has no score.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dactyl import topics
from dactyl.environment import task as tasks
from dactyl.environment import trial as trials
from dactyl.environment.task import Task
from dactyl.environment.trial import TrialRules
from dactyl.errors import DactylError
from dactyl.farm.job import Job
from dactyl.maths import quaternion
from dactyl.recording.reading import Bag, nanoseconds, understood
from dactyl.robot import robot as robots
from dactyl.robot.robot import Robot

RUNNING = 1  # TrialStatus.RUNNING
STATUS, GOAL, TRUTH = map(topics.absolute, (topics.STATUS, topics.GOAL, topics.TRUTH_POSE))
REASONS = ("dropped", "complete", "timeout")
"""How a trial ends, in the order in which the referee looks."""


class Pose(NamedTuple):
    """Of an object, robot frame."""

    position: np.ndarray
    """(3,) m"""
    orientation: np.ndarray
    """(4,) w x y z; NaN where a message holds no rotation."""


@dataclass
class Run:
    """What was recorded of a run that counts. Stamps are ns of the graph's clock."""

    poses: dict[int, Pose] = field(default_factory=dict)
    """Where the object was, by stamp."""
    goals: dict[int, Pose] = field(default_factory=dict)
    """As they were shown, by their own stamps."""
    steps: dict[int, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    """By trial: the control steps at which it ran, each with the stamp of the goal that was then in force."""


@dataclass(frozen=True)
class TrialScore:
    """One trial."""

    successes: int
    """Goals reached."""
    reason: str
    """One of REASONS."""
    seconds: float
    """Simulated."""
    errors: tuple[float | None, ...]
    """How far the object was from the last goal in the end, see `Task.errors`; None where that is not known."""


def rules(job: Job) -> TrialRules:
    """When a job's goals and trials end: the task's rules, but for what the job asks."""
    changes: dict[str, Any] = {"timeout": job.seconds} if job.seconds else {}
    if job.goal:
        changes["max_successes"] = 1
    return replace(tasks.load(job.task).rules_with(job.rules), **changes)


def read(path: Path) -> Run:
    """What a bag holds of a run.

    Raises:
        DactylError: it is damaged, or cannot be read.
    """
    bag, run = Bag(path), Run()
    with understood(path):
        for message, fields in bag.decoded({STATUS, GOAL, TRUTH}):
            stamp = nanoseconds(fields.header.stamp)
            if message.topic == TRUTH:
                run.poses[stamp] = _pose(fields.pose)
            elif message.topic == GOAL:
                run.goals[stamp] = _pose(fields.pose)
            elif int(fields.state) == RUNNING:
                run.steps[int(fields.trial)][stamp] = nanoseconds(fields.goal_stamp)
    if bag.problems:
        raise DactylError(f"the recording is damaged: {bag.problems[0]}")
    return run


def score(run: Run, job: Job) -> list[TrialScore]:
    """The trials of a run, in their order.

    Raises:
        DactylError: the recording lacks something, or holds other trials than were asked for.
    """
    if sorted(run.steps) != list(range(job.trials)):
        raise DactylError(f"the recording holds {len(run.steps)} trials, and {job.trials} were asked for")
    judge = _Judge(tasks.load(job.task), robots.load(job.robot), rules(job), run)
    return [judge.trial(number) for number in sorted(run.steps)]


def of_referee(told: Any, job: Job) -> list[TrialScore]:
    """The trials as the referee counted them by the tracked pose: all that there is of a robot without a truth.

    Args:
        told: the trials of its report.
        job: what was asked.

    Raises:
        DactylError: they are not that, or not as many as were asked for.
    """
    try:
        found = [TrialScore(int(each["successes"]), str(each["reason"]), float(each["seconds"]), ()) for each in told]
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise DactylError("the referee's results are damaged") from error
    if len(found) != job.trials:
        raise DactylError(f"the referee saw {len(found)} trials, and {job.trials} were asked for")
    return found


def summary(job: Job, found: Sequence[TrialScore], judge: str = "truth") -> dict[str, Any]:
    """For score.json; `judge` is what the score is by: truth or referee."""
    successes = [trial.successes for trial in found]
    return {
        "by": judge,
        "mean": statistics.fmean(successes),
        "std": statistics.stdev(successes) if len(successes) > 1 else 0.0,
        "median": statistics.median(successes),
        "goals_reached": sum(successes),
        "error_names": tasks.load(job.task).error_names,
        "rules": asdict(rules(job)),
        "trials": [asdict(trial) for trial in found],
    }


def goals(run: Run) -> list[list[dict[str, list[float]]]]:
    """The goals that were shown, by trial: position, m, and orientation, w x y z."""
    return [
        [
            {name: value.tolist() for name, value in run.goals[stamp]._asdict().items()}
            for stamp in dict.fromkeys(run.steps[number].values())
            if stamp in run.goals
        ]
        for number in sorted(run.steps)
    ]


class _Judge:
    """Goes through the trials of one run."""

    def __init__(self, task: Task, robot: Robot, trial_rules: TrialRules, run: Run) -> None:
        self._task, self._robot, self._rules, self._run = task, robot, trial_rules, run
        self._up = quaternion.normalize(robot.up)
        self._period_ns = round(robot.timing.control * 1e9)

    def trial(self, number: int) -> TrialScore:
        """One trial: its first control step shows the goal, each later one counts, and so does the one that ends it."""
        steps = self._run.steps[number]
        shown = sorted(steps)
        self._check(number, steps, shown)
        accounts = trials.start(np.zeros(1))
        ends = [*shown[1:], shown[-1] + self._period_ns]
        for before, now in zip(shown, ends, strict=True):
            errors, lost = self._standing(number, steps[before], now)
            accounts, events = trials.advance(
                self._rules, accounts, errors[None], np.array([lost]), self._robot.timing.control
            )
            if bool(events.ended[0]) != (now == ends[-1]):
                where = "goes on after" if now != ends[-1] else "is cut off before"
                raise DactylError(f"the recording of trial {number} {where} its end by the truth")
        reason = next(name for name in REASONS if getattr(events, name)[0])
        known = tuple(float(error) if np.isfinite(error) else None for error in errors)
        return TrialScore(int(accounts.successes[0]), reason, len(ends) * self._robot.timing.control, known)

    def _check(self, number: int, steps: Mapping[int, int], shown: Sequence[int]) -> None:
        """Every control step from the first to the last must be there."""
        if steps[shown[0]] != shown[0]:  # a trial begins with the goal of its first control step
            raise DactylError(f"the recording lacks the beginning of trial {number}")
        if any(after - before != self._period_ns for before, after in pairwise(shown)):
            raise DactylError(f"the recording lacks control steps of trial {number}")

    def _standing(self, number: int, goal_ns: int, now: int) -> tuple[np.ndarray, bool]:
        """(E,) errors to a goal at a time, and whether the object is lost."""
        pose, goal = self._run.poses.get(now), self._run.goals.get(goal_ns)
        if pose is None or goal is None:
            raise DactylError(f"the recording of trial {number} lacks {'a goal' if pose else 'where the object was'}")
        signals = {"object_position": pose.position, "object_orientation": pose.orientation}
        errors: np.ndarray = self._task.errors(self._task.goal_of_pose(goal.position, goal.orientation), signals)
        return errors, bool(self._task.lost(pose.position, self._robot, self._up))


def _pose(message: Any) -> Pose:
    """A decoded geometry_msgs/Pose."""
    position, turned = message.position, message.orientation
    wxyz = np.array([turned.w, turned.x, turned.y, turned.z])
    length = float(np.linalg.norm(wxyz))
    return Pose(np.array([position.x, position.y, position.z]), wxyz / length if length > 1e-6 else np.full(4, np.nan))
