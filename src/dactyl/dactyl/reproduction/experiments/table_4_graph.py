"""Table 4's policies in the running graph, in real time: with its true delays, around a hand that nobody was told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure

from dactyl.reproduction import pictures, running_graph, worlds
from dactyl.reproduction.experiment import Experiment, Here, Results, Row, Size, Step
from dactyl.reproduction.experiments import table_4
from dactyl.reproduction.worlds import TITLES, TRAINING

OWNER = "table-4"
TRIALS = 10
"""As many as on the paper's hand."""
SECONDS = 200.0
"""Of a trial, about; real ones."""


def _judged(world: str, trials: int) -> Callable[[Here], dict[str, Any]]:
    return lambda here: running_graph.judge(
        here.file(f"train-{world}", "policy"), here.file("hand", "file"), trials, here.folder
    )


def plan(size: Size) -> tuple[Step, ...]:
    """Table 4's trainings, then each in the graph; in the quick form one of them, once."""
    trials = 1 if size.quick else TRIALS
    judged = [
        Step(
            f"{world}-in-graph", f"{trials} trials of train-{world} in the graph, in real time",
            _judged(world, trials), {"seconds": trials * SECONDS}, settings={"trials": trials, "seed": 0},
            needs=(f"train-{world}", "hand"),
        )
        for world in (list(TRAINING)[:1] if size.quick else TRAINING)
    ]  # fmt: skip
    return (*table_4.trainings(size.quick, OWNER), *judged)


def judged_worlds(results: Results) -> list[str]:
    """Whose policies were judged."""
    return [world for world in TRAINING if f"{world}-in-graph" in results]


def rows(results: Results) -> list[Row]:
    """The paper's hand beside the graph."""
    return [
        Row(
            f"trained with {TITLES[world]}, on the hand", table_4.PAPER[world][0],
            f"in the graph: {worlds.short(results[f'{world}-in-graph'])}", "a stand-in is no hand",
        )
        for world in judged_worlds(results)
    ]  # fmt: skip


def draw(results: Results, figure: Figure) -> None:
    """Sorted trials in the graph beside the paper's on its hand."""
    ours, theirs = figure.subplots(1, 2)
    compared = judged_worlds(results)
    pictures.sorted_trials(ours, {TITLES[world]: results[f"{world}-in-graph"] for world in compared}, {})
    ours.set_title("here, in the graph", fontsize=9)
    pictures.sorted_trials(theirs, {}, {TITLES[world]: table_4.PAPER[world][1] for world in compared})
    theirs.set_title("the paper, on its hand", fontsize=9)


EXPERIMENT = Experiment(
    name="table-4-graph",
    of="Table 4, in the graph",
    title="groups of randomizations held out of training, judged in real time",
    plan=plan,
    rows=rows,
    draw=draw,
    differs=(
        "There is no hand: the graph runs in real time around a simulated one with other parameters.",
        "Its delays are true ones. Its engine is the usual one, and of noise it has backlash and the markers' alone.",
        "On a busy machine it is slower than real time and its delays are longer.",
    ),
    figure_size=(11.0, 4.5),
)
