"""Lin et al., Table II: how many trainings succeed with and without starts in states of somebody who plays.

Their column twice: learning from the reward alone, as the paper does, and with demonstrations, much as the shipped
policy has learned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from matplotlib.figure import Figure

from dactyl.reproduction import pictures, probe, recipes, worlds
from dactyl.reproduction.experiment import Experiment, Results, Row, Size, Step
from dactyl.reproduction.grasping import STEPS, TRAINING, judged, world
from dactyl.reproduction.steps import trained

SEEDS, TRIALS = (0,), 100
"""Trainings of each case; trials of each of them."""
LEARNED = 0.6
"""Share of the trials that a policy which has learned the task succeeds in: the paper's."""


class Case(NamedTuple):
    """A kind of training."""

    title: str
    starts: bool
    shown: bool
    paper: str
    """Grasping; its policies learn from the reward alone."""


CASES: Mapping[str, Case] = {
    "starts": Case("starts in play", starts=True, shown=False, paper="80 % of 10 trainings"),
    "none": Case("no such starts", starts=False, shown=False, paper="60 % of 10 trainings"),
    "starts-shown": Case("starts in play, and demonstrations", starts=True, shown=True, paper=""),
    "shown": Case("demonstrations alone", starts=False, shown=True, paper=""),
}
"""By the first part of their steps' names."""


def _seeds(quick: bool) -> tuple[int, ...]:
    return SEEDS[:1] if quick else SEEDS


def plan(size: Size) -> tuple[Step, ...]:
    """Trainings of each case and seed, seed by seed, each judged."""
    steps: list[Step] = []
    for seed in _seeds(size.quick):
        for name, case in CASES.items():
            made = recipes.grasp(STEPS, seed=seed, starts=case.starts, shown=case.shown, quick=size.quick)
            train = trained(f"train-{name}-{seed}", f"training: {case.title}, seed {seed}", made, work=TRAINING)
            trials = worlds.trials_of(TRIALS, size.quick)
            steps += (train, judged(f"{name}-{seed}", train.name, world(), trials))
    return tuple(steps)


def shares(results: Results, name: str) -> list[float]:
    """Of each training of a case, the share of the trials that reached the goal."""
    names = [f"{name}-{seed}" for seed in SEEDS if f"{name}-{seed}" in results]
    return [probe.reached(results[each])[0] for each in names]


def rows(results: Results) -> list[Row]:
    """Every case: how many trainings learned the task, and how well each does it."""
    found = []
    for name, case in CASES.items():
        each = shares(results, name)
        learned = sum(share >= LEARNED for share in each)
        reached = ", ".join(f"{share:.0%}" for share in each)
        found.append(
            Row(
                f"grasping, {case.title}: trainings that reach 60 %", case.paper or "not tried",
                f"{learned} of {len(each)}; goals reached: {reached}", "a smaller budget, nothing randomized",
            )
        )  # fmt: skip
    return found


def draw(results: Results, figure: Figure) -> None:
    """How they learned, with the first seed, and how many goals each reaches."""
    learning, reached = figure.subplots(1, 2)
    first = SEEDS[0]
    curves = {case.title: results[f"train-{name}-{first}"]["curve"] for name, case in CASES.items()}
    pictures.training_curves(learning, curves, "steps")
    learning.set_title(f"seed {first}; the goals of starts in a grasp count too", fontsize=9)
    each = [(case.title, share) for name, case in CASES.items() for share in shares(results, name)]
    pictures.bars(reached, [title for title, _ in each], [100.0 * share for _, share in each], "% reached from rest")
    reached.axvline(100.0 * LEARNED, color="black", linewidth=1.0, linestyle=":")


EXPERIMENT = Experiment(
    name="starts",
    of="Lin et al., Table II",
    title="starts in play, and demonstrations",
    plan=plan,
    rows=rows,
    draw=draw,
    differs=(
        "It is another paper's claim (arXiv:2502.20396), of the GR1; grasping alone of its three tasks.",
        "A robot's script with noise plays in place of a person.",
        "Actions vary by 0.2 at the beginning, or by 0.025 where demonstrations are to be kept in mind.",
        "Trainings have 0.7 M control steps of one arm with a cylinder, without randomizations; one seed, theirs ten.",
    ),
    figure_size=(12.0, 4.5),
)
