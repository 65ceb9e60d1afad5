"""What a person chooses when training, judging or filming a policy. Light: the command line reads it for its --help."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from dactyl.environment.choices import AnyObject, ObjectName, RobotName, TaskName
from dactyl.ranges import Count, FilmSeconds, Minutes, Range, Seed, Threads, Trials, Workers

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True)
class TrainOptions:
    """How a preset is trained."""

    out: Path | None = None
    """Folder for checkpoints and logs; runs/PRESET by default."""
    resume: Path | None = None
    """Checkpoint, or a training's folder, to go on with exactly."""
    initial: Path | None = None
    """Checkpoint, or a folder with a policy, whose networks to begin with."""
    minutes: Minutes = math.inf
    """Stop after so long."""
    device: Device | None = None
    """The GPU where there is one by default."""
    threads: Threads = 0
    """CPU threads of each worker, 0 for all cores."""
    workers: Workers = 1
    """Processes that learn together; one for each core is fastest on a CPU, on a cluster one for each GPU."""
    cluster: str | None = None
    """Train on Ray: local (this machine alone), auto (the cluster that this machine is in) or a cluster's ADDRESS."""
    rollout_workers: Annotated[int, Range(0, 100_000)] = 0
    """On a cluster: processes that only simulate; with none of them, those that learn simulate too."""
    synchronous: bool = False
    """On a cluster: all rollout workers act with the newest policy, and the slowest is waited for."""
    max_age: Count = 4
    """On a cluster: experience of a policy with more updates since is dropped."""
    seed: Seed | None = None
    """In place of the preset's."""


@dataclass(frozen=True)
class PolicyOptions:
    """Which policy, under which randomizations."""

    policy: Path | None = None
    """A policy file, a folder with one, or a training's folder; models/block by default."""
    randomizations: str = "all"
    """Those that are on: all, none, or -GROUP[,-GROUP] for all but these of observation_noise, physics,
    unmodeled_effects."""
    seed: Seed = 0
    """Of everything random."""
    calibration: str = ""
    """File of `calibrate model`: the robot that it acts with, in place of the model's usual one."""
    on: AnyObject = ""
    """Object that it is tried on, in place of the one that it was trained with."""


@dataclass(frozen=True)
class EvaluationOptions(PolicyOptions):
    """How a policy is judged."""

    robot: RobotName | None = None
    """That the policy must be for."""
    task: TaskName | None = None
    """That the policy must be for."""
    object: ObjectName | None = None
    """That the policy must be for."""
    trials: Trials = 100
    """How many."""
    actions: Literal["sampled", "most-likely", "both"] = "sampled"
    """Drawn from the policy's probabilities, or the most likely ones."""
    threads: Threads = 0
    """CPU threads, 0 for all cores."""
    rules: str = ""
    """Rules of the trials that differ from the task's, in YAML, such as '{timeout: 10}'."""


@dataclass(frozen=True)
class FilmOptions(PolicyOptions):
    """What is filmed, and how."""

    randomizations: str = "none"
    """Those that are on: all, none, or -GROUP[,-GROUP] for all but these of observation_noise, physics,
    unmodeled_effects."""
    seconds: FilmSeconds = 60.0
    """The longest the film may be; it ends with the trial."""
    actions: Literal["sampled", "most-likely"] = "sampled"
    """Drawn from the policy's probabilities, or the most likely ones."""
    width: Annotated[int, Range(64, 1920)] = 320
    """Range; the height is three quarters of that."""
    every: Count = 2
    """Control steps between two frames of a GIF."""
    rules: str = ""
    """Rules of the trial that differ from the task's, in YAML, such as '{difficulty: 1}'."""


@dataclass(frozen=True)
class DemonstrateOptions(PolicyOptions):
    """Who demonstrates, and how much (the paper's 5,000 steps of 100 environments)."""

    steps: Count = 5000
    """Control steps of every environment."""
    environments: Trials = 100
    """Side by side."""
    images: tuple[str, ...] = ()
    """Images that are recorded besides, for a generalist that sees them: eyes of the robot."""
    rules: str = ""
    """Rules of the episodes that differ from the task's, in YAML."""
    threads: Threads = 0
    """CPU threads, 0 for all cores."""
