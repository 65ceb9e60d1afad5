"""Table 5 and Figure 9: policies and value networks with and without memory (section 6.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from dactyl.reproduction import pictures, recipes, worlds
from dactyl.reproduction.experiment import Experiment, Results, Row, Size, Step
from dactyl.reproduction.steps import hidden_hand, judged, trained

IMITATION, BUDGET = 3_000_000, 15_000_000
"""Control steps of imitation, and in all."""
SIMULATED, REAL = 100, 100
"""Trials in the world of the training; in the stand-in."""


class Case(NamedTuple):
    """A row of the table."""

    title: str
    policy: Mapping[str, Any]
    value: Mapping[str, Any]
    paper: str
    trials: tuple[int, ...]


CASES = {
    "lstm-lstm": Case(
        "LSTM policy, LSTM value", recipes.LSTM, recipes.LSTM, "18.8 ± 17.1, median 13",
        (50, 41, 29, 27, 14, 12, 6, 4, 4, 1),
    ),
    "ff-lstm": Case(
        "FF policy, LSTM value", recipes.FEED_FORWARD, recipes.LSTM, "4.7 ± 4.1, median 3.5",
        (15, 7, 6, 5, 4, 3, 3, 2, 2, 0),
    ),
    "ff-ff": Case(
        "FF policy, FF value", recipes.FEED_FORWARD, recipes.FEED_FORWARD, "4.6 ± 4.3, median 3",
        (15, 8, 6, 5, 3, 3, 2, 2, 2, 0),
    ),
}  # fmt: skip


def compared(name: str, quick: bool, owner: str = "") -> tuple[Step, Step]:
    """A training of `CASES`, and its judgement where it was trained."""
    case = CASES[name]
    preset = recipes.student("all", BUDGET, imitation=IMITATION, policy=case.policy, value=case.value, quick=quick)
    return (
        trained(f"train-{name}", f"training of {case.title}", preset, owner=owner),
        judged(f"{name}-in-all", f"train-{name}", "all", SIMULATED, quick, owner=owner),
    )


def plan(size: Size) -> tuple[Step, ...]:
    """Three trainings, each judged in its own world and in the stand-in."""
    steps = [hidden_hand()]
    for name in CASES:
        steps += compared(name, size.quick)
        steps.append(judged(f"{name}-in-stand-in", f"train-{name}", "stand-in", REAL, size.quick))
    return tuple(steps)


def rows(results: Results) -> list[Row]:
    """The paper's hand beside the stand-in, then the world of the training, which the paper shows in Figure 9 alone."""
    found = []
    for name, case in CASES.items():
        stand_in, own = (worlds.short(results[f"{name}-in-{world}"]) for world in ("stand-in", "all"))
        found.append(
            Row(f"{case.title}, on the hand", case.paper, f"in the stand-in: {stand_in}", "a stand-in is no hand")
        )
        curve = results[f"train-{name}"]["curve"]
        after = f"{curve['years'][-1]:.3f} years, {curve['hours'][-1]:.1f} h"
        found.append(Row(f"{case.title}, simulated", "Figure 9: a curve", f"{own}, after {after}"))
    verdict = best_in_simulation(results)
    found.append(
        Row("the LSTM policy outperforms both others in simulation", "yes", verdict, "one seed, as in the paper")
    )
    found.append(
        Row(
            "policies without memory often get stuck and run out of time", "yes, seen on the hand", stuck(results),
            "a stand-in is no hand",
        )
    )  # fmt: skip
    return found


def stuck(results: Results) -> str:
    """How many trials in the stand-in ended by the clock, for each."""
    parts = []
    for name, case in CASES.items():
        found = results[f"{name}-in-stand-in"]
        parts.append(f"{case.title} {found['reasons'].get('timeout', 0)} of {len(found['trials'])}")
    return f"ended by the clock in the stand-in: {', '.join(parts)}"


def best_in_simulation(results: Results) -> str:
    """Whether the LSTM policy's mean is above the others', by the intervals of the means."""
    low = results["lstm-lstm-in-all"]["mean_interval_95"][0]
    high = results["lstm-lstm-in-all"]["mean_interval_95"][1]
    others = [results[f"{name}-in-all"]["mean_interval_95"] for name in ("ff-lstm", "ff-ff")]
    if all(low > other[1] for other in others):
        return "yes: the intervals of the means do not overlap"
    if any(high < other[0] for other in others):
        return "no: another one is better"
    return "too early to tell: the intervals of the means overlap"


def draw(results: Results, figure: Figure) -> None:
    """Figure 9, and sorted trials here and there."""
    learning, own, stand_in, theirs = figure.subplots(2, 2).flat
    pictures.training_curves(learning, {c.title: results[f"train-{n}"]["curve"] for n, c in CASES.items()}, "hours")
    for axes, world, title in ((own, "all", "in the world of the training"), (stand_in, "stand-in", "in the stand-in")):
        pictures.sorted_trials(axes, {c.title: results[f"{n}-in-{world}"] for n, c in CASES.items()}, {})
        axes.set_title(f"here, {title}", fontsize=9)
    pictures.sorted_trials(theirs, {}, {case.title: case.trials for case in CASES.values()})
    theirs.set_title("the paper, on its hand", fontsize=9)


EXPERIMENT = Experiment(
    name="table-5",
    of="Table 5, Figure 9",
    title="memory in policy and value network",
    plan=plan,
    rows=rows,
    draw=draw,
    differs=(
        "There is no hand: policies are judged in a stand-in, another engine and a hand with other parameters.",
        worlds.DRAWN_DELAYS,
        "All three imitate the same teacher at first, and see their own smoothed action, which is a little memory.",
        "The networks are a quarter to a half as wide as the paper's; the budget is hours of two cores.",
    ),
    figure_size=(12.0, 9.0),
)
