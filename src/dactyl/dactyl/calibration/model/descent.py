"""Iterative coordinate descent (appendix C.3): one parameter after the other, again and again.

Groups do not influence each other, so one replay tries a parameter of each of them.
"""

from __future__ import annotations

import numpy as np

from dactyl.calibration.model.problem import Problem, degrees

GAIN = 1e-3
"""Share of the error that a change must take away to be made (appendix C.3)."""
SWEEPS = 12
_FIRST_STEP, _LEAST_STEP = 0.2, 0.01  # of the way between the bounds
_TRIED = (-1.0, -0.25, 0.25, 1.0)  # steps


def descend(problem: Problem, sweeps: int = SWEEPS) -> np.ndarray:
    """Parameters (P,) from 0 to 1, from the model's own downhill, until a sweep of all no longer helps."""
    unit = problem.nominal
    steps = np.full(len(unit), _FIRST_STEP)
    best = problem.errors(unit[None])[0]
    idle = 0
    for sweep in range(sweeps):
        before = best.copy()
        for turn in problem.turns():
            best = _one_parameter_each(problem, unit, steps, turn, best)
            if problem.over:
                break
        problem.report(f"sweep {sweep + 1}: {degrees(best)}")
        idle = idle + 1 if (best > (1.0 - GAIN) * before).all() else 0
        if problem.over or idle == 2:
            break
    return drop_idle(problem, unit, best)


def _one_parameter_each(
    problem: Problem, unit: np.ndarray, steps: np.ndarray, turn: dict[int, int], best: np.ndarray
) -> np.ndarray:
    """Try to move one parameter of each group, in place; the groups' errors then."""
    chosen = {group: i for group, i in turn.items() if steps[i] > _LEAST_STEP}
    if not chosen:
        return best
    moving = list(chosen.values())
    tried = np.tile(unit, (len(_TRIED), 1))
    tried[:, moving] = np.clip(unit[moving] + np.outer(_TRIED, steps[moving]), 0.0, 1.0)
    errors = problem.errors(tried, chosen)
    best = best.copy()
    for group, i in chosen.items():
        winner = int(errors[:, group].argmin())
        if errors[winner, group] < (1.0 - GAIN) * best[group]:
            unit[i], best[group] = tried[winner, i], errors[winner, group]
            steps[i] *= 1.5 if abs(_TRIED[winner]) == 1.0 else 0.5
        else:
            steps[i] *= 0.4
    return best


def drop_idle(problem: Problem, unit: np.ndarray, best: np.ndarray) -> np.ndarray:
    """Put back to the model's own value whatever the error does not need, by the same 0.1 %; (P,)."""
    unit, best, nominal = unit.copy(), best.copy(), problem.nominal
    for turn in problem.turns():
        chosen = {group: i for group, i in turn.items() if unit[i] != nominal[i]}
        if not chosen:
            continue
        tried = unit.copy()
        tried[list(chosen.values())] = nominal[list(chosen.values())]
        errors = problem.errors(tried[None], chosen)[0]
        for group, i in chosen.items():
            if errors[group] <= best[group] * (1.0 + GAIN):
                unit[i], best[group] = nominal[i], errors[group]
    return unit
