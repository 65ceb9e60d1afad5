"""Allshire et al., results 2 and 3: cubes of other sizes, a cuboid and a ball for a policy that has only seen one cube.

The shipped policy brings each to places in the air, and the cubes to orientations too. How often they were lifted,
dropped and lifted again is counted: result 2's "dropping and regrasping". A film of each is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from dactyl.environment.randomization import of_task
from dactyl.environment.task import load
from dactyl.learning import evaluation
from dactyl.learning.film import film
from dactyl.learning.options import FilmOptions
from dactyl.learning.policy import Policy
from dactyl.reproduction import pictures, probe, worlds
from dactyl.reproduction.experiment import Experiment, Here, Results, Row, Size, Step
from dactyl.storage import models
from dactyl.storage.shared import shared

MODEL, ROBOT, TASK = "models/trifinger-repose", "trifinger", "repose"
TRIALS = 200
PLACES, POSES = 3, 4
"""The challenge's difficulties: goals are places in the air, or places and orientations."""
OBJECTS: Mapping[str, str] = {
    "cube": "the cube that it was trained with",
    "cube_120": "a cube of 120 %",
    "cube_60": "a cube of 60 %",
    "flat_block": "a cuboid, 5 × 8 × 6 cm",
    "ball": "a ball of 7 cm",
}
CUBES = ("cube", "cube_120", "cube_60")
"""Those of which orientations are asked, too."""
FILMED = FilmOptions(rules=f"{{difficulty: {PLACES}}}", width=200, every=6)
"""The first trial of the first seed, whatever comes of it."""


def _name(thing: str, difficulty: int) -> str:
    return f"{thing.replace('_', '-')}-{difficulty}"


def _judged(thing: str, difficulty: int, quick: bool) -> Step:
    """The step that judges with one object."""
    trials, task, file = worlds.trials_of(TRIALS, quick), load(TASK), shared(MODEL, models.POLICY)
    world, rules = worlds.World(of_task(task)), task.rules_with(f"{{difficulty: {difficulty}}}")

    def do(here: Here) -> dict[str, Any]:
        policy = Policy.load(file)
        config = evaluation.environment_config(policy.contract, world.randomization, rules=rules, on=thing)
        return worlds.judge_in(config, policy, trials, threads=here.threads)

    steps = worlds.control_steps(trials, rules.timeout, ROBOT)
    return Step(
        _name(thing, difficulty), f"{trials} trials with {OBJECTS[thing]}, difficulty {difficulty}", do,
        {"TriFinger evaluation steps": steps}, files=(file,),
        settings={
            "trials": trials, "seed": 0, "object": thing, "difficulty": difficulty, "world": world.settings(),
        },
    )  # fmt: skip


def plan(size: Size) -> tuple[Step, ...]:
    """Every object at places in the air, cubes at orientations too."""
    places = [_judged(thing, PLACES, size.quick) for thing in OBJECTS]
    return (*places, *(_judged(thing, POSES, size.quick) for thing in CUBES))


def reached(summary: Mapping[str, Any]) -> tuple[float, str]:
    """The share of the trials whose goal was reached, and that for a table, with Wilson's interval, 95 %."""
    share, low, high = probe.reached(summary)
    return share, f"{share:.0%} ({low:.0%} … {high:.0%})"


def regrasped(summary: Mapping[str, Any]) -> str:
    """How often the object was lifted and lifted again, for a table."""
    counts = summary["counts"]
    again = sum(count > 0 for count in counts["regrasps"]["trials"]) / len(counts["regrasps"]["trials"])
    return f"lifted {counts['lifts']['mean']:.1f} times a trial; dropped and lifted again in {again:.0%} of the trials"


def rows(results: Results) -> list[Row]:
    """Each object, then the cube's droppings."""
    found = []
    for thing, title in OBJECTS.items():
        ours = f"places: {reached(results[_name(thing, PLACES)])[1]}"
        if thing in CUBES:
            ours += f"; any orientation too: {reached(results[_name(thing, POSES)])[1]}"
        paper = "any orientation: 83 %, on its robot" if thing == "cube" else "a film of it on the robot"
        found.append(Row(title, paper, ours, "in simulation; 2 cm, and 22° where an orientation is asked for"))
    for difficulty, what in ((PLACES, "places"), (POSES, "any orientation too")):
        ours = regrasped(results[_name("cube", difficulty)])
        found.append(Row(f"dropping and regrasping ({what})", "seen", ours, "counted by the height of the cube"))
    return found


def draw(results: Results, figure: Figure) -> None:
    """Goals reached with each object, and how often it was lifted again."""
    places, again = figure.subplots(1, 2, sharey=True)
    titles = list(OBJECTS.values())
    summaries = [results[_name(thing, PLACES)] for thing in OBJECTS]
    pictures.bars(places, titles, [100.0 * reached(summary)[0] for summary in summaries], "% of places reached")
    regrasps = [summary["counts"]["regrasps"]["mean"] for summary in summaries]
    pictures.bars(again, titles, regrasps, "regraspings in a trial")
    places.invert_yaxis()  # the axis is shared: both turned it


def _filmed(thing: str, _: Results, path: Path) -> None:
    """The film of one object."""
    film(path, replace(FILMED, policy=shared(MODEL, models.POLICY), on=thing))


FILMS: Mapping[str, Callable[[Results, Path], None]] = {f"{thing}.gif": partial(_filmed, thing) for thing in OBJECTS}

EXPERIMENT = Experiment(
    name="shapes",
    of="Allshire et al., results 2 and 3",
    title="other sizes and shapes, dropping and regrasping",
    plan=plan,
    rows=rows,
    draw=draw,
    differs=(
        "It is another paper's claim (arXiv:2108.09779), of the TriFinger; theirs is shown on the robot, in films.",
        "Trials have the challenge's rules, all randomizations and drawn actions; films have no randomizations.",
        "As in theirs, keypoints stay a cube's: the policy is told nothing of shapes.",
    ),
    pictures=FILMS,
    figure_size=(11.0, 4.0),
)
