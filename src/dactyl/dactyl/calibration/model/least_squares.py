"""SciPy's bounded least squares on the same problem, with derivatives by differences."""

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
    active, turns = problem.replay.active, problem.turns()
    joints = np.nonzero(active)[1]
    rows = [np.isin(joints, group.joints) for group in problem.groups]
    matrix = np.zeros((int(active.sum()), len(unit)))
    for first in range(0, len(turns), _AT_ONCE):
        block = turns[first : first + _AT_ONCE]
        tried = np.tile(unit, (len(block), 2, 1))
        for row, turn in enumerate(block):
            moving = list(turn.values())
            tried[row, 0, moving] = np.minimum(unit[moving] + DIFFERENCE, 1.0)
            tried[row, 1, moving] = np.maximum(unit[moving] - DIFFERENCE, 0.0)
        asked = {group for turn in block for group in turn}
        ends = problem.residuals(tried.reshape(-1, len(unit)), asked)[:, active].reshape(len(block), 2, -1)
        for row, turn in enumerate(block):
            change = np.nan_to_num(ends[row, 0] - ends[row, 1])
            for group, i in turn.items():
                matrix[rows[group], i] = change[rows[group]] / (tried[row, 0, i] - tried[row, 1, i])
    return matrix


def _whole(nominal: np.ndarray, sought: np.ndarray, x: np.ndarray) -> np.ndarray:
    unit = nominal.copy()
    unit[sought] = x
    return unit
