"""A simulated robot whose parameters nobody was told, exercised and recorded with sensor noise: what must be found."""

from __future__ import annotations

import numpy as np

from dactyl.calibration.model.exercise import Exercise, motion
from dactyl.calibration.model.recording import Recording
from dactyl.calibration.model.replay import Robots, scene_of
from dactyl.robot.parameters import ModelParameters
from dactyl.robot.robot import Robot

NOISE = 0.005
"""rad, standard deviation of a measured joint angle (ours: 0.3 degrees)."""


def record(
    robot: Robot, parameters: ModelParameters, exercise: Exercise, seed: int, noise: float = NOISE, threads: int = 1
) -> Recording:
    """Exercise one simulated robot, whose fingers may touch, and measure its joints at every physics step."""
    commanded = motion(robot, exercise)
    robots = Robots(scene_of(robot.name), 1, threads, contacts=True)
    start = np.linalg.pinv(robot.actuation) @ commanded[0]
    robots.start(start[None], np.zeros((1, len(start))), _one(parameters), np.zeros((1, len(robot.actuators))))
    substeps = robot.timing.substeps
    angles: list[np.ndarray] = []
    for targets in commanded:
        robots.control_step(np.tile(targets, (1, substeps, 1)), angles)
    measured = np.concatenate(angles)
    measured += noise * np.random.default_rng([seed, 1]).standard_normal(measured.shape)
    return Recording(robot, np.repeat(commanded, substeps, axis=0), measured)


def _one(parameters: ModelParameters) -> ModelParameters:
    return ModelParameters(parameters.joints[None], parameters.actuators[None], parameters.couplings[None])
