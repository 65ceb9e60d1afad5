"""A recording in, calibrated parameters out: by one of the methods, or by all of them to compare."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dactyl.calibration.model import recording as recordings
from dactyl.calibration.model.autotune import POPULATION, autotune
from dactyl.calibration.model.descent import descend
from dactyl.calibration.model.exercise import exercise_of
from dactyl.calibration.model.problem import Problem, Report
from dactyl.calibration.model.recording import Recording
from dactyl.calibration.model.replay import LANES, Replay, Robots, scene_of
from dactyl.calibration.model.space import PARAMETERS, Space, space_of
from dactyl.calibration.model.tell import Telling, tell
from dactyl.calibration.model.windows import Group, cut, groups_of, layers, merge
from dactyl.errors import DactylError
from dactyl.robot.parameters import Key, differences, from_vector

METHODS = ("descent", "autotune", "least-squares")
EVERY = 0.8
"""s between the starts of two windows."""
HELD_OUT = 4
"""Each window of so many is held out."""
EXPECTED = 0.01
"""rad that least squares expect a joint to be off after a second when all is well."""


@dataclass(frozen=True)
class FitOptions:
    """How a model is calibrated."""

    method: str = "descent"
    """One of `METHODS`."""
    seed: int = 0
    """Of what autotune draws."""
    seconds: float = np.inf
    """After so long a method stops with what it has."""
    population: int = POPULATION
    """Of autotune."""
    threads: int = 0
    """CPU threads, 0 for all cores."""
    kinds: tuple[str, ...] = PARAMETERS
    """Of parameters that are sought."""


class Found(NamedTuple):
    """What a method found."""

    method: str
    vector: np.ndarray
    """(P,) parameters."""
    changes: dict[Key, float]
    """Those that differ from the model's."""
    fitted: np.ndarray
    """(G,) mean squared error after 1 s on the windows that were fitted, rad²."""
    held_out: np.ndarray
    """(G,) on the others."""
    seconds: float
    steps: int
    """Physics steps simulated."""


class Calibration(NamedTuple):
    """What was made of a recording."""

    space: Space
    groups: list[Group]
    windows: tuple[int, int]
    """Fitted, held out; those of all groups together."""
    before: np.ndarray
    """(G,) held out, of the model as it was."""
    found: list[Found]
    """By each method."""
    best: Found
    """The least error on what was held out."""
    telling: Telling
    ends: dict[str, np.ndarray]
    """Held-out windows: angles (W, J), rad, after 1 s: "measured", "before", "after"; NaN where none counts."""
    truth: np.ndarray | None
    """(G,) held out, of the true parameters, where they are known: no method can do better."""


class Posed(NamedTuple):
    """A recording as a problem: what is fitted, what judges, and where parameters are sought."""

    space: Space
    groups: list[Group]
    windows: tuple[int, int]
    """Fitted, held out; those of all groups together."""
    replay: Replay
    """Of what is fitted."""
    judge: Replay
    """Of what is held out."""


def pose(recording: Recording, source: object, threads: int = 0, kinds: Collection[str] = PARAMETERS) -> Posed:
    """Cut a recording, and hold out each window of `HELD_OUT`.

    Args:
        recording: see there.
        source: what to call it in messages.
        threads: of the CPU, 0 for all cores.
        kinds: of parameters that are sought.

    Raises:
        DactylError: the recording does not say enough, or a kind is unknown.
    """
    recordings.check(recording, source)
    scene = scene_of(recording.robot.name)
    groups = groups_of(exercise_of(recording.robot), scene)
    starts = cut(recording, groups, EVERY)
    kept = {name: np.delete(own, slice(HELD_OUT - 1, None, HELD_OUT)) for name, own in starts.items()}
    held = {name: own[HELD_OUT - 1 :: HELD_OUT] for name, own in starts.items()}
    if scarce := [name for name, own in held.items() if not len(own)]:
        raise DactylError(f"{source}: {scarce[0]} moves for less than {HELD_OUT} s: nothing is left to judge by")
    robots = Robots(scene, LANES, threads)
    side_by_side = layers(groups, scene)
    replay, judge = (
        Replay(robots, [merge(recording, layer, of) for layer in side_by_side], groups) for of in (kept, held)
    )
    windows = sum(map(len, kept.values())), sum(map(len, held.values()))
    return Posed(space_of(recording.robot, scene.parameters, kinds), groups, windows, replay, judge)


def calibrate(
    recording: Recording,
    source: object,
    options: tuple[FitOptions, ...],
    truth: np.ndarray | None = None,
    report: Report = print,
) -> Calibration:
    """Calibrate the model of the recorded robot.

    Args:
        recording: see there.
        source: what to call it in messages.
        options: of each method that is to try; threads and kinds are the first one's.
        truth: (P,) the recorded robot's parameters, where they are known.
        report: says how far it is.

    Raises:
        DactylError: the recording does not say enough, or a method is unknown.
    """
    if unknown := [chosen.method for chosen in options if chosen.method not in METHODS]:
        raise DactylError(f"there is no method {unknown[0]!r}; there are: {', '.join(METHODS)}")
    space, groups, windows, replay, judge = pose(recording, source, options[0].threads, options[0].kinds)
    found = [_run(Problem(replay, space, one.seed, one.seconds, report), judge, one) for one in options]
    best = min(found, key=lambda one: float(np.mean(one.held_out)))
    report("which parameters the recording tells …")
    return Calibration(
        space,
        groups,
        windows,
        judge.errors(space.nominal[None])[0],
        found,
        best,
        tell(Problem(replay, space, report=report), space.to_unit(best.vector)),
        _ends(judge, space.nominal, best.vector),
        None if truth is None else judge.errors(truth[None])[0],
    )


def _run(problem: Problem, judge: Replay, options: FitOptions) -> Found:
    """Let a method try."""
    methods: dict[str, Callable[[], np.ndarray]] = {
        "descent": lambda: descend(problem),
        "autotune": lambda: autotune(problem, options.population).lowest,
        "least-squares": lambda: _least_squares(problem),
    }
    problem.report(f"{options.method} …")
    robots, started = problem.replay.robots, time.monotonic()
    steps = robots.steps
    vector = problem.space.from_unit(methods[options.method]())
    seconds, steps = time.monotonic() - started, robots.steps - steps
    robot, nominal = problem.space.robot, problem.space.nominal
    changes = differences(robot, from_vector(robot, nominal), from_vector(robot, vector))
    errors = problem.replay.errors(vector[None])[0], judge.errors(vector[None])[0]
    return Found(options.method, vector, changes, *errors, seconds, steps)


def _least_squares(problem: Problem) -> np.ndarray:
    from dactyl.calibration.model.least_squares import fit

    return fit(problem, EXPECTED)


def _ends(judge: Replay, before: np.ndarray, after: np.ndarray) -> dict[str, np.ndarray]:
    measured = np.concatenate([np.where(windows.active, windows.after, np.nan) for windows in judge.layers])
    off_before, off_after = judge.residuals(np.stack([before, after]))
    return {"measured": measured, "before": measured + off_before, "after": measured + off_after}
