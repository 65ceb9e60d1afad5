"""SciPy's bounded least squares, with derivatives by differences: what a library's optimiser makes of the same problem."""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares

from dactyl.calibration.model.descent import drop_idle
from dactyl.calibration.model.problem import Problem, degrees

ROUNDS = 12
DIFFERENCE = 0.04
"""Half the way, from 0 to 1, that a parameter is moved for its derivative: backlash and friction are rough."""
PRIOR = 0.5
"""Standard deviation of what is known before, from 0 to 1 about the model's own."""
_BROKEN = 1.0  # rad, of a simulation that broke
_AT_ONCE = 16


def fit(problem: Problem, noise: float, rounds: int = ROUNDS) -> np.ndarray:
    """Parameters (P,) from 0 to 1 that least squares find from the model's own.

    Args:
        problem: see there.
        noise: rad that an angle is expected to be off when all is well.
        rounds: derivatives that are taken at most.
    """
    nominal, sought = problem.nominal, problem.space.sought
    active = problem.replay.active

    def residuals(x: np.ndarray) -> np.ndarray:
        off = np.clip(np.nan_to_num(problem.residuals(_whole(nominal, sought, x)[None])[0][active], nan=_BROKEN), -1, 1)
        return np.concatenate([off / noise, (x - nominal[sought]) / PRIOR])

    def jacobian(x: np.ndarray) -> np.ndarray:
        by_unit = derivatives(problem, _whole(nominal, sought, x))[:, sought]
        if not problem.over:
            problem.report(f"derivatives at {degrees(problem.errors(_whole(nominal, sought, x)[None])[0])}")
        return np.concatenate([by_unit / noise, np.eye(int(sought.sum())) / PRIOR])

    start = np.clip(nominal[sought], 0.01, 0.99)
    x = least_squares(
        residuals, start, jacobian, bounds=(0.0, 1.0), loss="soft_l1", f_scale=3.0, max_nfev=rounds, ftol=1e-3,
    ).x  # fmt: skip
    unit = _whole(nominal, sought, x)
    return drop_idle(problem, unit, problem.errors(unit[None])[0])


def derivatives(problem: Problem, unit: np.ndarray) -> np.ndarray:
    """(R, P) of the active residuals by each parameter from 0 to 1."""
    active, own = problem.replay.active, problem.own
    groups_of_rows = np.nonzero(active)[1]
    matrix = np.zeros((int(active.sum()), len(unit)))
    turns = max(map(len, own))
    for first in range(0, turns, _AT_ONCE):
        block = range(first, min(first + _AT_ONCE, turns))
        tried = np.tile(unit, (2 * len(block), 1))
        for row, turn in enumerate(block):
            for indices in own:
                if turn < len(indices):
                    i = indices[turn]
                    tried[2 * row, i] = min(unit[i] + DIFFERENCE, 1.0)
                    tried[2 * row + 1, i] = max(unit[i] - DIFFERENCE, 0.0)
        ends = problem.residuals(tried)[:, active]
        for row, turn in enumerate(block):
            change = np.nan_to_num(ends[2 * row] - ends[2 * row + 1])
            for group, indices in zip(problem.groups, own, strict=True):
                if turn < len(indices):
                    i = indices[turn]
                    rows = np.isin(groups_of_rows, group.joints)
                    matrix[rows, i] = change[rows] / (tried[2 * row, i] - tried[2 * row + 1, i])
    return matrix


def _whole(nominal: np.ndarray, sought: np.ndarray, x: np.ndarray) -> np.ndarray:
    unit = nominal.copy()
    unit[sought] = x
    return unit
