"""Which parameters a recording tells, and which it cannot tell apart."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dactyl.calibration.model.least_squares import derivatives
from dactyl.calibration.model.problem import Problem
from dactyl.robot.parameters import Key

KNOWN_BEFORE = 12.0**-0.5
"""Standard deviation of a parameter that is known only to lie between its bounds, from 0 to 1."""
TOLD = 0.7
"""A parameter is told if its deviation falls to less than this share of that."""


class Telling(NamedTuple):
    """What a recording says about parameters."""

    silent: list[Key]
    """Moving one between its bounds changes the error by less than the noise."""
    together: dict[Key, Key]
    """They have an effect, but another parameter has nearly the same one: which."""
    deviation: np.ndarray
    """(P,) standard deviation that is left of each, from 0 to 1 between its bounds."""


def tell(problem: Problem, unit: np.ndarray) -> Telling:
    """Judge every sought parameter about a solution (P,), taking the error that is left there for noise."""
    noise = float(np.sqrt(np.mean(problem.errors(unit[None])[0])))
    matrix = derivatives(problem, unit) / noise
    information = matrix.T @ matrix
    covariance = np.linalg.inv(information + np.eye(len(unit)) / KNOWN_BEFORE**2)
    deviation = np.sqrt(np.diag(covariance))
    correlation = np.abs(covariance / np.outer(deviation, deviation))
    np.fill_diagonal(correlation, 0.0)
    alone = 1.0 / np.sqrt(np.diag(information) + KNOWN_BEFORE**-2)
    silent, together = [], {}
    for i, key in enumerate(problem.space.keys):
        if not problem.space.sought[i] or deviation[i] < TOLD * KNOWN_BEFORE:
            continue
        if alone[i] >= TOLD * KNOWN_BEFORE:
            silent.append(key)
        else:
            together[key] = problem.space.keys[int(correlation[i].argmax())]
    return Telling(silent, together, deviation)
