"""A run, a robot and a queue for tests: no simulator, no ROS, and a policy that nobody looks at."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dactyl.farm import files
from dactyl.farm.job import Job
from dactyl.farm.job_queue import JobQueue
from dactyl.maths import quaternion
from dactyl.robot import robot as robots
from tests.recording.graph_bag import TICK, Writer

JOB = Job(robot="shadow", task="reorient", object="block", trials=1, seed=5)
FIRST, REACHED, DROPPED = 10, 20, 30
"""Control steps of the made-up trial: it begins, its first goal is reached, the object falls."""
GOALS = [quaternion.from_rotation_vector(np.array([0.0, 0.0, turn])) for turn in (2.0, -1.0)]
SCORE = {"successes": 1, "reason": "dropped", "seconds": 1.6}
TRUTH, STATUS, GOAL = "/dactyl/object_pose/truth", "/dactyl/trial/status", "/dactyl/goal"


class RunWriter(Writer):
    """Writes what a score is made of."""

    def placed(self, topic: str, stamp_ns: int, position: np.ndarray, wxyz: np.ndarray) -> None:
        w, x, y, z = map(float, wxyz)
        turned = self.kind("geometry_msgs/msg/Quaternion")(x, y, z, w)
        pose = self.kind("geometry_msgs/msg/Pose")(self.point(position), turned)
        self.write(topic, "geometry_msgs/msg/PoseStamped", stamp_ns, self.header(stamp_ns), pose)

    def state(self, tick: int, state: int, trial: int, successes: int, goal_ns: int) -> None:
        goal = self.header(goal_ns).stamp
        self.write(STATUS, "dactyl_msgs/msg/TrialStatus", tick * TICK, self.header(tick * TICK, ""), state, trial, 1,
                   successes, 0.0, 70.0, goal, "", 0, 0.0, 0.0, 0.0)  # fmt: skip


def write_run(bag: Path, without: Collection[tuple[str, int]] = (), reached: int = REACHED) -> None:
    """A bag of one trial: the block turns to its first goal after 10 control steps, and falls after 20.

    Args:
        bag: folder to make.
        without: topics and control steps of messages that are left out.
        reached: control step at which the block truly turns to the first goal, whatever the referee says.
    """
    writer, rest = RunWriter(bag), robots.load("shadow").workspace.rest
    fallen = rest + np.array([0.0, 0.3, 0.0])
    for tick in range(FIRST - 5, DROPPED + 1):
        turned = GOALS[0] if tick >= reached else np.array([1.0, 0.0, 0.0, 0.0])
        shown = REACHED if tick >= REACHED else FIRST
        if (TRUTH, tick) not in without:
            writer.placed(TRUTH, tick * TICK, fallen if tick == DROPPED else rest, turned)
        if tick in (FIRST, REACHED) and (GOAL, tick) not in without:
            writer.placed(GOAL, tick * TICK, rest, GOALS[int(tick == REACHED)])
        if (STATUS, tick) not in without:
            running = FIRST <= tick < DROPPED
            writer.state(tick, int(running), int(tick == DROPPED), int(tick >= REACHED), shown * TICK)
    writer.bag.close()


def write_results(out: Path, **changes: object) -> None:
    """What a run leaves, as if the graph had made it."""
    out.mkdir(parents=True, exist_ok=True)
    write_run(out / files.BAG)
    trials = {"results": {"trials": [SCORE | changes], "goals_reached": 1}}
    (out / files.TRIALS).write_text(json.dumps(trials))
    (out / files.RECORDING).write_text(json.dumps({"results": {"lost_by_topic": {}}}))


@dataclass(frozen=True)
class MadeUpRobot:
    """A robot whose graph is a few lines of Python, which find the attempt's folder in `out`."""

    code: str
    number: int = 0

    kind = "made up"
    truth = True

    def prepare(self) -> None:
        pass

    def command(self, job: Job, policy: Path, out: Path) -> list[str]:
        lines = f"import os, pathlib, shutil, sys, time\nout = pathlib.Path({str(out)!r})\n{self.code}"
        return [sys.executable, "-c", lines]

    def progress(self, out: Path) -> dict[str, int]:
        """The made-up graph writes how often it acted into a file."""
        try:
            return {"actions": int((out / "actions").read_text() or 0)}
        except (OSError, ValueError):
            return {"actions": 0}


def queue_of(farm: Path) -> JobQueue:
    farm.mkdir(parents=True, exist_ok=True)
    return JobQueue(farm / "jobs.sqlite")


def add(queue: JobQueue, job: Job = JOB) -> int:
    """Queue a job; its number."""
    number = queue.reserve(job)
    queue.enqueue(number)
    return number
