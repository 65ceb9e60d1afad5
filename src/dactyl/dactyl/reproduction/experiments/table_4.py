"""Table 4 and Figure 8: what a policy loses that was trained without a group of randomizations (section 6.3).

Five trainings from the same start with the same budget, each in a world of its own. Then each of the five is judged in
all five worlds, and in the stand-in for the paper's hand.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dactyl.reproduction import pictures, recipes, training, worlds
from dactyl.reproduction.experiment import Experiment, Results, Row, Size, Step
from dactyl.reproduction.steps import hidden_hand, judged, trained
from dactyl.reproduction.worlds import TITLES, TRAINING

START = 4_000_000
"""Control steps of the common start: it imitates the teacher where nothing is randomized."""
BUDGET = 12_000_000
"""Control steps of each of the five trainings after it."""
ACROSS, REAL = 50, 100
"""Trials in each of the training worlds; in the stand-in."""
PAPER = {
    "all": ("18.8 ± 17.1, median 13", (50, 41, 29, 27, 14, 12, 6, 4, 4, 1)),
    "none": ("1.1 ± 1.9, median 0", (6, 2, 2, 1, 0, 0, 0, 0, 0, 0)),
    "no-observation-noise": ("15.1 ± 14.5, median 8.5", (45, 35, 23, 11, 9, 8, 7, 6, 6, 1)),
    "no-physics": ("3.5 ± 2.5, median 2", (7, 7, 7, 3, 2, 2, 2, 2, 2, 1)),
    "no-unmodeled-effects": ("3.5 ± 4.8, median 2", (16, 7, 3, 3, 2, 2, 1, 1, 0, 0)),
}
"""On the paper's hand, by training world."""


def trainings(quick: bool, owner: str = "") -> list[Step]:
    """The start, the stand-in's hand, five trainings."""
    start = recipes.student("none", START, imitation=START, quick=quick)
    steps = [trained("start", "the common start, imitating a teacher", start, owner=owner), hidden_hand(owner)]
    for world, choice in TRAINING.items():
        preset = recipes.student(choice, BUDGET, quick=quick)
        steps.append(trained(f"train-{world}", f"training with {TITLES[world]}", preset, "start", owner))
    return steps


def plan(size: Size) -> tuple[Step, ...]:
    """The start, five trainings, five times six judgements."""
    quick = size.quick
    steps = trainings(quick)
    for here, there in product(TRAINING, TRAINING):
        steps.append(judged(f"{here}-in-{there}", f"train-{here}", there, ACROSS, quick))
    steps += [judged(f"{here}-in-stand-in", f"train-{here}", "stand-in", REAL, quick) for here in TRAINING]
    return tuple(steps)


def across(results: Results) -> np.ndarray:
    """(5, 6) mean goals in a row: trained in a row's world, judged in a column's, the stand-in last."""
    places = [*TRAINING, "stand-in"]
    return np.array([[results[f"{here}-in-{there}"]["mean"] for there in places] for here in TRAINING], float)


def rows(results: Results) -> list[Row]:
    """The paper's hand beside the stand-in, then how fast each world was learned, then the other worlds."""
    stand_in = [
        Row(
            f"trained with {TITLES[world]}, on the hand", PAPER[world][0],
            f"in the stand-in: {worlds.short(results[f'{world}-in-stand-in'])}", "a stand-in is no hand",
        )
        for world in TRAINING
    ]  # fmt: skip
    learned = [
        Row(
            f"Figure 8: {TITLES[world]}", "", _learned(results[f"train-{world}"]["curve"]),
            "the paper's curves reach 50 goals, these end after the budget; iterations are taken as independent",
        )
        for world in TRAINING
    ]  # fmt: skip
    own = [
        Row(
            f"trained with {TITLES[world]}", "",
            ", ".join(f"{mean:.1f} in {TITLES[there]}" for there, mean in zip(TRAINING, means, strict=False)),
            "mean goals in a row in the training worlds; the paper has no such table",
        )
        for world, means in zip(TRAINING, across(results), strict=True)
    ]  # fmt: skip
    return [*stand_in, *learned, _slower(results), *own]


def slower(results: Results) -> tuple[float, float, float]:
    """Goals per training episode that were reached without randomizations and with all; simulated years to there."""
    compared = [results[f"train-{world}"]["curve"] for world in ("none", "all")]
    goals = training.level(compared, "goals")
    without, with_all = (training.reached(curve, goals, "goals", "years") for curve in compared)
    return goals, without, with_all


def _slower(results: Results) -> Row:
    goals, without, with_all = slower(results)
    return Row(
        "experience for the same goals, without randomizations and with all", "3 years; 100 years",
        f"{without:.4f} years; {with_all:.4f} years, to {goals:.1f} goals per training episode",
        "as far as both came in the budget; both began with an imitated teacher",
    )  # fmt: skip


def _learned(curve: dict[str, Any]) -> str:
    """The end of a training's curve, in words."""
    low, high = curve["low"][-1], curve["high"][-1]
    within = "" if low is None or high is None else f" (90 %: {low:.1f} … {high:.1f})"
    return (
        f"{curve['goals'][-1]:.1f} goals per training episode{within} after {curve['years'][-1]:.3f} years, "
        f"{curve['hours'][-1]:.1f} h"
    )


def draw(results: Results, figure: Figure) -> None:
    """Figure 8, the 5 × 6 matrix, and sorted trials in the stand-in beside the paper's on its hand."""
    (learning, table), (ours, theirs) = figure.subplots(2, 2)
    curves = {TITLES[world]: results[f"train-{world}"]["curve"] for world in TRAINING}
    pictures.training_curves(learning, curves, "hours")
    pictures.matrix(table, across(results), list(TRAINING), [*TRAINING, "stand-in"])
    table.set_title("trained in (rows), judged in (columns): mean goals", fontsize=9)
    pictures.sorted_trials(ours, {TITLES[world]: results[f"{world}-in-stand-in"] for world in TRAINING}, {})
    ours.set_title("here, in the stand-in", fontsize=9)
    pictures.sorted_trials(theirs, {}, {TITLES[world]: PAPER[world][1] for world in TRAINING})
    theirs.set_title("the paper, on its hand", fontsize=9)


EXPERIMENT = Experiment(
    name="table-4",
    of="Table 4, Figure 8",
    title="groups of randomizations held out of training",
    plan=plan,
    rows=rows,
    draw=draw,
    differs=(
        "There is no hand: policies are judged in a stand-in, another engine and a hand with other parameters.",
        worlds.DRAWN_DELAYS,
        "All five begin with a network that imitated a teacher without randomizations; that teacher had seen some.",
        "The budget is the same for all; the paper trained each until it was good.",
        "The rows by vision were not made.",
    ),
    figure_size=(13.0, 9.0),
)
