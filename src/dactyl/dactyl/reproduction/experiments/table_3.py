"""Table 3: goals in a row of the shipped policies, by the paper's protocol (section 6.2). Vision has its own file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from dactyl.learning.policy import Policy
from dactyl.reproduction import pictures, shipped, worlds
from dactyl.reproduction.experiment import Experiment, Here, Results, Row, Size, Step
from dactyl.reproduction.steps import hidden_hand
from dactyl.storage import models

TRIALS = 100
STANDING_IN = ("block",)
"""Cases that are judged in the stand-in too."""
REAL, TOGETHER = 12, 4
"""Trials in the stand-in; of them in one step."""


class Case(NamedTuple):
    """A row of the table."""

    title: str
    model: str
    simulated: str
    """The paper's figures in simulation."""
    physical: str
    trials: tuple[int, ...]
    """The paper's ten on the hand."""
    seed: int = 0
    """Of the worlds that it is judged in, in simulation: others than those that anything of it was chosen in."""


CASES = {
    "block": Case(
        "block (state)", "block", "43.4 ± 13.8, median 50", "18.8 ± 17.1, median 13",
        (50, 41, 29, 27, 14, 12, 6, 4, 4, 1), seed=1,  # its temperature was chosen in the worlds of seed 0
    ),
    "locked-wrist": Case(
        "block (state, locked wrist)", "block-locked-wrist", "44.2 ± 13.4, median 50",
        "26.4 ± 13.4, median 28.5", (50, 43, 32, 29, 29, 28, 19, 13, 12, 9),
    ),
    "prism": Case(
        "octagonal prism (state)", "octagonal-prism", "29.0 ± 19.7, median 30", "7.8 ± 7.8, median 5",
        (27, 15, 8, 8, 5, 5, 4, 3, 2, 1),
    ),
}  # fmt: skip


def plan(size: Size) -> tuple[Step, ...]:
    """An evaluation of each in simulation, shipped ones where there are any; then in the stand-in, on one hand."""
    simulated = [_judged(name, case, size.quick) for name, case in CASES.items()]
    real = [step for name in STANDING_IN for step in _in_stand_in(name, CASES[name], size.quick)]
    return (*simulated, hidden_hand(), *real)


def _judged(name: str, case: Case, quick: bool) -> Step:
    """100 trials by motion capture: read where they are shipped, else made."""
    trials, world, model = worlds.trials_of(TRIALS, quick), worlds.training_world("all"), models.find(case.model)
    known = None if quick else shipped.find(model, world.randomization, trials, case.seed)

    def do(here: Here) -> dict[str, Any]:
        if known:
            return shipped.read(known)
        policy = Policy.load(model / models.POLICY)
        return worlds.judge(policy, world, trials, seed=case.seed, threads=here.threads, quick=quick)

    title = f"{trials} trials of {case.title}" + (f", from models/{model.name}/{known.name}" if known else "")
    return Step(
        name, title, do, {"seconds": 1.0} if known else worlds.work_of(trials, quick=quick),
        settings={"trials": trials, "seed": case.seed, "world": world.settings()},
        files=(model / models.POLICY, *([known] if known else [])),
    )  # fmt: skip


def _in_stand_in(name: str, case: Case, quick: bool) -> list[Step]:
    """Twice the paper's ten trials on its hand, in what stands in for it here."""
    policy, trials = models.find(case.model) / models.POLICY, worlds.trials_of(TOGETHER, quick)
    world = worlds.stand_in()

    def judged(seed: int) -> Callable[[Here], dict[str, Any]]:
        return lambda here: worlds.judge(
            Policy.load(policy), worlds.stand_in(str(here.file("hand", "file"))), trials, seed=seed,
            threads=here.threads, quick=quick,
        )  # fmt: skip

    return [
        Step(
            f"{name}-in-stand-in-{part}", f"{trials} trials of {case.title} in the stand-in", judged(part - 1),
            worlds.work_of(trials, world, quick), files=(policy,), needs=("hand",),
            settings={"trials": trials, "seed": part - 1, "world": world.settings()},
        )
        for part in worlds.parts(REAL, TOGETHER, quick)
    ]  # fmt: skip


def rows(results: Results) -> list[Row]:
    """Simulation beside simulation; beside what the paper measured on its hand the stand-in."""
    simulated = [
        Row(case.title, f"{case.simulated}, 100 trials", worlds.short(results[name]) + _source(results[name]))
        for name, case in CASES.items()
    ]
    real = [
        Row(f"{case.title}, on the hand", f"{case.physical}: {', '.join(map(str, case.trials))}", *_real(name, results))
        for name, case in CASES.items()
    ]
    return [*simulated, *real]


def _real(name: str, results: Results) -> tuple[str, str]:
    """What stands in the place of a hand, and how it differs."""
    if name not in STANDING_IN:
        return "no hand, no figure", ""
    found = worlds.short(worlds.together(results, f"{name}-in-stand-in"))
    return f"in the stand-in: {found}", f"a stand-in is no hand; {REAL} trials"


def _source(figures: Mapping[str, Any]) -> str:
    return f"; {figures['from']}, commit {figures['commit']}" if "from" in figures else ""


def draw(results: Results, figure: Figure) -> None:
    """Sorted trials of each row, in simulation and in the stand-in, and the paper's on its hand."""
    for axes, (name, case) in zip(figure.subplots(1, len(CASES)), CASES.items(), strict=True):
        ours = {"here, simulated": results[name]}
        if name in STANDING_IN:
            ours["here, in the stand-in"] = worlds.together(results, f"{name}-in-stand-in")
        axes.set_title(case.title, fontsize=9)
        pictures.sorted_trials(axes, ours, {"the paper's hand": case.trials})


EXPERIMENT = Experiment(
    name="table-3",
    of="Table 3",
    title="goals in a row",
    plan=plan,
    rows=rows,
    draw=draw,
    differs=(
        "The policies are the shipped ones, with less than a year of experience; the paper's had up to 100.",
        "The simulated world is harder than the paper's in joint sensors, backlash and gravity.",
        "There is no hand: the stand-in is another engine and a hand with other parameters.",
        worlds.DRAWN_DELAYS,
    ),
    figure_size=(13.0, 4.0),
)
