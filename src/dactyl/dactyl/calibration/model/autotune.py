"""Autotune (Lin et al. 2025, Algorithm 1): a population of random parameters, all replayed side by side, the best kept.

The model's own parameters are one of the population. Each group of joints keeps its own best.
"""

from __future__ import annotations

import numpy as np

from dactyl.calibration.model.problem import Problem, degrees

POPULATION = 256
_AT_ONCE = 32


def autotune(problem: Problem, population: int = POPULATION) -> np.ndarray:
    """Parameters (P,) from 0 to 1 with the lowest mean squared error of the population."""
    random = np.random.default_rng([problem.seed, 2])
    found = problem.nominal
    best = problem.errors(found[None])[0]
    drawn = 1
    while drawn < population and not problem.over:
        units = random.random((min(_AT_ONCE, population - drawn), len(found)))
        errors = problem.errors(units)
        for group, own in enumerate(problem.own):
            winner = int(errors[:, group].argmin())
            if errors[winner, group] < best[group]:
                found[own], best[group] = units[winner, own], errors[winner, group]
        drawn += len(units)
        problem.report(f"{drawn} of {population}: {degrees(best)}")
    return found
