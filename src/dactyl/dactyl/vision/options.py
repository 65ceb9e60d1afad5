"""What a person chooses about the pose estimator. Light: the command line reads it for its --help."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from dactyl.ranges import Cells, Minutes, Range, Seed, Share, Threads, Workers

Renderer = Literal["opengl", "raytracer"]
Source = Literal["training", "held-out", "second"]
Poses = Literal["augmented", "played"]


@dataclass(frozen=True)
class SheetOptions:
    """A sheet of pictures."""

    states: Path | None = None
    """Folder of `vision collect`; without it the robot is at rest."""
    renderer: Renderer = "opengl"
    """The ray tracer is slow without a GPU."""
    rows: Cells = 5
    """Of the sheet."""
    columns: Cells = 2
    """Of the sheet, three pictures wide each."""
    size: Annotated[int, Range(8, 1920)] = 200
    """Of a picture, pixels."""
    crop: Share = 0.7
    """Side of the square that is shown, as a share of the camera image's height."""
    seed: Seed = 0
    """Of what is sampled."""


@dataclass(frozen=True)
class VisionTrainOptions:
    """How a preset is trained."""

    out: Path | None = None
    """Folder for checkpoints and logs; runs/vision-PRESET by default."""
    resume: Path | None = None
    """A training's folder to go on with exactly."""
    initial: Path | None = None
    """Another estimator's file, or a folder with it, whose network to begin with."""
    minutes: Minutes = math.inf
    """Stop after so long."""
    device: Literal["cpu", "cuda"] | None = None
    """The GPU where there is one by default."""
    threads: Threads = 1
    """CPU threads of training itself, 0 for all cores."""
    renderers: Workers = 1
    """Processes that render beside it."""


@dataclass(frozen=True)
class ErrorOptions:
    """What an estimator is judged on."""

    estimator: Path | None = None
    """A file, or a folder with one; models/pose-block by default."""
    states: Path = Path("runs/states-block")
    """Folder of `vision collect`."""
    on: tuple[Source, ...] | None = None
    """Training, the renderer trained on; held-out, one never trained on (slow without a GPU); second, another one that
    was trained on. Both that there are by default, or none where a dataset is named."""
    dataset: tuple[Path, ...] = ()
    """Folders of `dactyl dataset` with recorded images."""
    emulated_camera: bool = False
    """Judge on each dataset once more, with the exposure, blur, noise and compression of a made-up camera: for images
    recorded from the simulator."""
    samples: Annotated[int, Range(2, 1_000_000)] = 512
    """Moments of three images on each renderer."""
    poses: Poses = "augmented"
    """Augmented: turned and jittered as in training. Played: as the policy had them."""
    renderers: Workers = 1
    """Processes that render side by side."""
    out: Path = Path("runs/vision-evaluation")
    """Folder for pictures."""
    seed: Seed = 0
    """Of what is rendered."""
    device: Literal["cpu", "cuda"] = "cpu"
    """To trace rays on."""


@dataclass(frozen=True)
class CertaintyOptions:
    """What an estimator's doubts are fitted on."""

    estimator: Path | None = None
    """A file, or a folder with one. Only with `out` models/pose-block by default: shipped files stay as they are."""
    states: Path = Path("runs/states-block")
    """Folder of `vision collect`."""
    on: Source = "training"
    """Whose pictures."""
    samples: Annotated[int, Range(100, 1_000_000)] = 1024
    """Moments of three images."""
    poses: Poses = "augmented"
    """Augmented: turned and jittered as in training. Played: as the policy had them."""
    renderers: Workers = 1
    """Processes that render side by side."""
    out: Path | None = None
    """File to write; the estimator's own by default."""
    seed: Seed = 0
    """Of what is rendered."""
    device: Literal["cpu", "cuda"] = "cpu"
    """To trace rays on."""


@dataclass(frozen=True)
class TrajectoryOptions:
    """A policy's trajectories, on which an estimator's errors are measured."""

    out: Path = Path("vision-errors.yaml")
    """File to write, for the key `environment.randomization.vision_errors` of a training preset."""
    estimator: Path | None = None
    """A file, or a folder with one; the shipped one for the policy's object by default."""
    policy: Path | None = None
    """A policy file, a folder with one, or a training's folder; models/block by default."""
    pose: Literal["state", "vision"] = "state"
    """What the policy itself goes by."""
    renderer: Literal["held-out", "training", "second", "opengl", "raytracer"] = "held-out"
    """Of the pictures."""
    randomizations: str = "all"
    """Those that are on: all, none, or -GROUP[,-GROUP] for all but these of observation_noise, physics,
    unmodeled_effects."""
    worlds: Annotated[int, Range(2, 100_000)] = 32
    """Side by side, each with a look of its own: their differences are the errors that stay for an episode."""
    seconds: Annotated[float, Range(1.0, 100_000.0)] = 20.0
    """Simulated, in each of them."""
    renderers: Workers = 1
    """Processes that render side by side."""
    threads: Threads = 0
    """CPU threads of the simulation, 0 for all cores."""
    seed: Seed = 0
    """Of everything random."""
    device: Literal["cpu", "cuda"] = "cpu"
    """To trace rays on."""
