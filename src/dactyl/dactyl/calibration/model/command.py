"""What `calibrate model` does: a recording, or a simulated robot that nobody knows, in; files and a report out."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dactyl import results
from dactyl.calibration.model import recording as recordings
from dactyl.calibration.model import report, simulated
from dactyl.calibration.model.exercise import exercise_of
from dactyl.calibration.model.fit import METHODS, FitOptions, calibrate
from dactyl.calibration.model.recording import Recording
from dactyl.calibration.model.replay import scene_of
from dactyl.calibration.model.space import draw, space_of
from dactyl.robot import parameters
from dactyl.robot import robot as robots
from dactyl.status_line import StatusLine
from dactyl.storage import pictures


@dataclass(frozen=True)
class Choice:
    """See the command's arguments."""

    recording: Path | None
    out: Path
    plot: Path | None
    method: str
    seconds: float
    population: int
    parameters: tuple[str, ...]
    noise: float
    truth: Path | None
    save: Path | None
    robot: str
    seed: int
    threads: int
    json: Path | None


def run(choice: Choice) -> None:
    """Calibrate, save, then print.

    Raises:
        DactylError: the recording is bad, or a file cannot be written; then none is.
    """
    for path in filter(None, (choice.out, choice.plot, choice.truth, choice.save, choice.json)):
        results.check_writable(path)
    if choice.plot:
        pictures.check(choice.plot, (".png",))
    hidden: np.ndarray | None = None
    if choice.recording:
        recorded = read(choice.recording)
    else:
        recorded, hidden = _hidden(choice)
    methods = METHODS if choice.method == "all" else (choice.method,)
    options = tuple(
        FitOptions(method, choice.seed, choice.seconds, choice.population, choice.threads, choice.parameters)
        for method in methods
    )
    with StatusLine("fitting the robot's model") as line:

        def say(text: str) -> None:
            print(text, file=sys.stderr, flush=True)
            line.said()

        made = calibrate(recorded, choice.recording or "the simulated robot", options, hidden, say)
    about = f"calibrate model, {made.best.method}: differences from the model of the robot (appendix C.3)"
    parameters.write(choice.out, recorded.robot, made.best.changes, about)
    if choice.json:
        results.write(choice.json, "calibrate model", choice.seed, report.results(made, hidden))
    if choice.plot:
        report.plot(choice.plot, made)
    print("\n".join([report.as_text(made), *map(str, filter(None, (choice.out, choice.plot)))]))


def read(path: Path) -> Recording:
    """A bag, or a recording that was made without ROS."""
    if path.suffix == ".npz":
        return recordings.load(path)
    from dactyl.calibration.model.bag import read as read_bag

    return read_bag(path)


def _hidden(choice: Choice) -> tuple[Recording, np.ndarray]:
    """A simulated robot's exercise, and its parameters (P,)."""
    robot = robots.load(choice.robot)
    nominal = scene_of(robot.name).parameters
    hidden = draw(space_of(robot, nominal), choice.seed)
    drawn = parameters.from_vector(robot, hidden)
    recorded = simulated.record(robot, drawn, exercise_of(robot), choice.seed, choice.noise)
    if choice.truth:
        about = f"hidden parameters of calibrate model --synthetic --seed {choice.seed}"
        parameters.write(choice.truth, robot, parameters.differences(robot, nominal, drawn), about)
    if choice.save:
        recordings.save(choice.save, recorded)
    return recorded, hidden
