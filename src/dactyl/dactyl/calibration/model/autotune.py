"""Autotune (Lin et al. 2025, Algorithm 1): a population of random parameters, all replayed side by side, the best kept.

The model's own parameters are one of the population. Each group of joints keeps its own best.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dactyl.calibration.model.problem import Problem, degrees

POPULATION = 256
_AT_ONCE = 32


class Drawn(NamedTuple):
    """What a population holds, group by group: parameters (P,) from 0 to 1 each."""

    lowest: np.ndarray
    """Those with the lowest mean squared error: what autotune finds."""
    median: np.ndarray
    """What it would have found by chance …"""
    highest: np.ndarray
    """… or by bad luck. Simulations that broke do not count."""


def autotune(problem: Problem, population: int = POPULATION) -> Drawn:
    """The parameters with the lowest mean squared error of the population; and, to compare, others of it."""
    random = np.random.default_rng([problem.seed, 2])
    units = problem.nominal[None]
    errors = problem.errors(units)
    while len(units) < population and not problem.over:
        drawn = random.random((min(_AT_ONCE, population - len(units)), units.shape[1]))
        units, errors = np.concatenate([units, drawn]), np.concatenate([errors, problem.errors(drawn)])
        problem.report(f"{len(units)} of {population}: {degrees(errors.min(axis=0))}")
    found = Drawn(*(problem.nominal for _ in Drawn._fields))
    for group, own in enumerate(problem.own):
        order = np.argsort(errors[:, group], kind="stable")
        order = order[np.isfinite(errors[order, group])]
        if len(order):
            for unit, winner in zip(found, order[[0, len(order) // 2, -1]], strict=True):
                unit[own] = units[winner, own]
    return found
