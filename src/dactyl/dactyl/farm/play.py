"""Plays one job on one simulated robot: the ordinary graph in lockstep, recorded, and judged by the simulator's truth.

python -m dactyl.farm.play JOB POLICY ROBOT OUT
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from dactyl import topics
from dactyl.bringup import processes
from dactyl.bringup.graph import Graph, Node, Value, with_parameters
from dactyl.bringup.options import SimOptions
from dactyl.bringup.run import sim_graph
from dactyl.errors import DactylError
from dactyl.farm import files, hidden
from dactyl.farm.job import Job
from dactyl.robot import robot as robots

WITNESSES = 2
"""Of the truth: referee and recorder. Nothing happens before both listen."""
PATIENCE = 30.0
"""s that the recorder has to write what still waits."""
RECORDED = (
    topics.TRUTH_POSE, topics.STATUS, topics.GOAL, topics.ACTION, topics.FILTERED, topics.FINGERTIPS,
    topics.MOCAP_POSE, topics.DIAGNOSTICS,
)  # fmt: skip
"""By name: ROS's own topic of parameters would tell what is hidden."""


def graph(job: Job, policy: Path, robot: Path, out: Path) -> Graph:
    """The graph for a job.

    Args:
        job: what is asked.
        policy: its policy file.
        robot: folder of the hidden robot's files.
        out: folder for the results.

    Raises:
        DactylError: the job asks for what cannot be had.
    """
    options = SimOptions(
        object=job.object, robot=job.robot, task=job.task, trials=job.trials, seed=job.seed, policy=str(policy),
        json=str(out / files.TRIALS), config=str(robot / hidden.GRAPH), calibration=str(robot / hidden.CALIBRATION),
        lockstep=True, headless=True, dashboard=False,
    )  # fmt: skip
    made = sim_graph(options)
    changes: dict[str, dict[str, Value]] = {
        # what does not answer is the worker's to end: the simulator never goes on without
        "sim": {"witnesses": WITNESSES, "lockstep_timeout": 600.0},
        "trial": {"object_pose": "truth", **_asked(job)},
    }
    nodes = (_recorder(job, out), *with_parameters(made.nodes, changes))
    return dataclasses.replace(made, nodes=nodes)


def _asked(job: Job) -> dict[str, Value]:
    """The referee's parameters: what `score.rules` says, and the goal."""
    asked: dict[str, Value] = {"timeout": job.seconds} if job.seconds else {}
    if job.goal:
        asked |= {"goal": [float(part) for part in job.goal], "max_successes": 1}
    return asked


def _recorder(job: Job, out: Path) -> Node:
    names = [topics.absolute(name) for name in RECORDED]
    names.append(topics.of_simulated_hand(topics.JOINT_STATES))
    names += [topics.of_simulated_hand(name) for name in robots.load(job.robot).targets]
    parameters: dict[str, Value] = {
        "bag": str(out / files.BAG), "topics": " ".join(names), "report": str(out / files.RECORDING),
    }  # fmt: skip
    return Node("recorder", parameters, required=True)


def main() -> int:
    job, policy, robot, out = sys.argv[1:]
    try:
        return processes.run(graph(Job.from_json(job), Path(policy), Path(robot), Path(out)), kill_after=PATIENCE)
    except DactylError as error:
        print(f"cannot play the job: {error}", file=sys.stderr, flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
