"""Plays one job on one robot: the ordinary graph, recorded.

Around a simulated robot it runs in lockstep and is judged by the simulator's truth. Around a real one it runs in real
time, and the referee judges by the tracked pose, as it always does.

    python -m dactyl.farm.play KIND JOB POLICY ROBOT OUT
"""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dactyl import topics
from dactyl.bringup import processes
from dactyl.bringup.graph import Graph, Node, Value, with_parameters
from dactyl.bringup.options import RealOptions, SimOptions
from dactyl.bringup.run import real_graph, sim_graph
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


def simulated(job: Job, policy: Path, robot: Path, out: Path) -> Graph:
    """The graph for a job, around a simulated robot.

    Args:
        job: what is asked.
        policy: its policy file.
        robot: folder of the hidden robot's files.
        out: folder for the results.

    Raises:
        DactylError: the job asks for what cannot be had.
    """
    options = SimOptions(
        **_common(job, policy, out),
        config=str(robot / hidden.GRAPH),
        calibration=str(robot / hidden.CALIBRATION),
        lockstep=True,
        headless=True,
    )
    changes: dict[str, dict[str, Value]] = {
        # what does not answer is the worker's to end: the simulator never goes on without
        "sim": {"witnesses": WITNESSES, "lockstep_timeout": 600.0},
        "trial": {"object_pose": "truth", **_asked(job)},
    }
    return _recorded(sim_graph(options), job, out, changes)


def real(job: Job, policy: Path, laboratory: Path, out: Path, emulate: bool = False) -> Graph:
    """The graph for a job, around a real robot.

    Args:
        job: what is asked.
        policy: its policy file.
        laboratory: the laboratory's parameter file, as for `./dactyl real`.
        out: folder for the results.
        emulate: with what `./dactyl real --emulate` puts in the hardware's place.

    Raises:
        DactylError: the job asks for what cannot be had.
    """
    options = RealOptions(**_common(job, policy, out), config=str(laboratory), emulate=emulate)
    return _recorded(real_graph(options), job, out, {"trial": _asked(job)})


KINDS: dict[str, Callable[[Job, Path, Path, Path], Graph]] = {
    "simulated": simulated,
    "real": real,
    "emulated": functools.partial(real, emulate=True),
}


def _common(job: Job, policy: Path, out: Path) -> dict[str, Any]:
    """Options of any run."""
    return {
        "object": job.object,
        "robot": job.robot,
        "task": job.task,
        "trials": job.trials,
        "rules": job.rules,
        "seed": job.seed,
        "policy": str(policy),
        "json": str(out / files.TRIALS),
        "dashboard": False,
    }


def _asked(job: Job) -> dict[str, Value]:
    """The referee's parameters: what `score.rules` says, and the goal."""
    asked: dict[str, Value] = {"timeout": job.seconds} if job.seconds else {}
    if job.goal:
        asked |= {"goal": [float(part) for part in job.goal], "max_successes": 1}
    return asked


def _recorded(made: Graph, job: Job, out: Path, changes: Mapping[str, Mapping[str, Value]]) -> Graph:
    """The graph with the recorder, which starts first, and with other parameters."""
    elsewhere = dict(made.node("hand_driver").remappings)
    hand = (topics.JOINT_STATES, *robots.load(job.robot).targets)
    names = [topics.absolute(elsewhere.get(name, name)) for name in (*RECORDED, *hand)]
    parameters: dict[str, Value] = {
        "bag": str(out / files.BAG),
        "topics": " ".join(names),
        "report": str(out / files.RECORDING),
    }
    recorder = Node("recorder", parameters, required=True)
    return dataclasses.replace(made, nodes=(recorder, *with_parameters(made.nodes, changes)))


def main() -> int:
    kind, job, policy, robot, out = sys.argv[1:]
    try:
        graph = KINDS[kind](Job.from_json(job), Path(policy), Path(robot), Path(out))
        return processes.run(graph, kill_after=PATIENCE)
    except DactylError as error:
        print(f"cannot play the job: {error}", file=sys.stderr, flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
