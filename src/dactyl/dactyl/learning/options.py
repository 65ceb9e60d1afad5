"""What a person chooses when training or judging a policy. Light: the command line reads it for its --help."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TrainOptions:
    """How a preset is trained."""

    out: Path | None = None
    """folder for checkpoints and logs; runs/PRESET by default"""
    resume: Path | None = None
    """checkpoint, or a training's folder, to go on with exactly"""
    initial: Path | None = None
    """checkpoint, or a folder with a policy, whose networks to begin with"""
    minutes: float = math.inf
    """stop after so long"""
    device: str | None = None
    """cpu or cuda; the GPU where there is one by default"""
    threads: int = 0
    """CPU threads of each worker, 0 for all cores"""
    workers: int = 1
    """processes that share the work; one for each core is fastest on a CPU"""
    seed: int | None = None
    """in place of the preset's"""


@dataclass(frozen=True)
class EvaluationOptions:
    """How a policy is judged."""

    policy: Path | None = None
    """a policy file, a folder with one, or a training's folder; models/block by default"""
    object: str | None = None
    """that the policy must be for"""
    randomizations: str = "all"
    """all, none, or -GROUP[,-GROUP]: all but these of observation_noise, physics, unmodeled_effects"""
    trials: int = 100
    """how many"""
    actions: str = "sampled"
    """drawn from the policy's probabilities, or the most likely ones"""
    seed: int = 0
    """of everything random"""
    threads: int = 0
    """CPU threads, 0 for all cores"""
