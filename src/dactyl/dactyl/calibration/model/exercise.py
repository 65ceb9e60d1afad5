"""The motion that a robot's model is calibrated from (appendix C.3), group of joints by group: its fingers.

Each group first runs its joints to their limits, inward and outward, until they stop moving; then it moves them inward
and outward in a series of oscillations. Meanwhile the other groups rest out of its way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import pi

import numpy as np

from dactyl import registry
from dactyl.robot.robot import Robot

STOPPED = 0.96
"""s until a joint at its limit has stopped moving."""
OSCILLATIONS = ((0.95, 2.4, 2), (0.6, 1.6, 2), (0.3, 1.2, 3), (0.1, 1.2, 2), (0.04, 1.6, 2))
"""Series of oscillations: amplitude in units of half the range, period, s, and how many. Small ones show backlash."""


@dataclass(frozen=True)
class Exercise:
    """What a robot knows about its own exercise."""

    groups: Mapping[str, tuple[str, ...]]
    """Actuators that are moved together, by the group's name: a finger's. Each actuator is in one group."""
    rest: Mapping[str, float] = field(default_factory=dict)
    """Where actuators rest, rad, so that they are in no other group's way; others in the middle of their range."""
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """rad, of actuators that would hit something if they ran to their own."""


def exercise_of(robot: Robot) -> Exercise:
    """A robot's own exercise; of a robot that has none each actuator by itself."""
    if robot.exercise:
        made: Exercise = registry.resolve(robot.exercise)(robot)
        return made
    return Exercise({actuator: (actuator,) for actuator in robot.actuators})


def motion(robot: Robot, exercise: Exercise) -> np.ndarray:
    """Actuator targets (K, A), rad, one row a control step: the whole exercise."""
    rest, limits = rest_position(robot, exercise), robot.actuator_limits.copy()
    for actuator, ends in exercise.limits.items():
        limits[robot.actuators.index(actuator)] = ends
    parts = []
    for group in exercise.groups.values():
        columns = [robot.actuators.index(actuator) for actuator in group]
        moves = _group(limits[columns], rest[columns], robot.timing.control)
        targets = np.tile(rest, (len(moves), 1))
        targets[:, columns] = moves
        parts.append(targets)
    return np.concatenate(parts)


def rest_position(robot: Robot, exercise: Exercise) -> np.ndarray:
    """(A,) rad, where the actuators rest."""
    position: np.ndarray = robot.actuator_limits.mean(axis=1)
    for actuator, angle in exercise.rest.items():
        position[robot.actuators.index(actuator)] = angle
    return position


def _group(limits: np.ndarray, rest: np.ndarray, period: float) -> np.ndarray:
    """Targets (K, n) of a group's actuators with these limits (n, 2)."""
    lower, upper = limits.T
    stop, still = round(STOPPED / period), round(0.8 / period)
    parts = [np.tile(rest, (still, 1)), np.tile(lower, (stop, 1)), np.tile(upper, (stop, 1))]
    for i in range(len(limits)):
        for end in (lower[i], upper[i]):
            alone = np.tile(rest, (stop, 1))
            alone[:, i] = end
            parts.append(alone)
    parts.append(_oscillations(limits, period))
    parts.append(np.tile(rest, (still, 1)))
    return np.concatenate(parts)


def _oscillations(limits: np.ndarray, period: float) -> np.ndarray:
    """(K, n): every actuator at a pace and about a centre of its own, so that their effects can be told apart."""
    middle, half = limits.mean(axis=1), 0.5 * (limits[:, 1] - limits[:, 0])
    order = np.arange(len(limits))
    parts = []
    for series, (amplitude, cycle, count) in enumerate(OSCILLATIONS):
        times = period * np.arange(round(cycle * count / period))[:, None]
        pace = 2 * pi / cycle * (1.0 + 0.17 * ((order + series) % max(len(limits), 1)))
        centre = middle + 0.6 * (1.0 - amplitude) * half * np.cos(2.4 * (order + 1.7 * series))
        parts.append(centre + amplitude * half * np.sin(pace * times + order))
    moved: np.ndarray = np.clip(np.concatenate(parts), limits[:, 0], limits[:, 1])
    return moved
