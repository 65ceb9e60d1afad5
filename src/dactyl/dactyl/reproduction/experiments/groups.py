"""Lin et al., Figure 3, right: grasp and reach learned with one object, with groups of them, and with all ten.

A training of each size, alike in all else: what it learned of its own objects and how fast, what it does with objects
that it never saw, and with one that all of them know in a world that none of them knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from dactyl.learning.policy import Policy
from dactyl.objects.primitives import ALL, MIXED_GROUPS, SHAPE_GROUPS
from dactyl.reproduction import grasping, pictures, probe, recipes, training, worlds
from dactyl.reproduction.experiment import Experiment, Here, Results, Row, Size, Step
from dactyl.reproduction.steps import trained
from dactyl.reproduction.worlds import World

TRIALS, UNKNOWN_TRIALS = 50, 100
"""With each object; of the one that all know, in the world that none does."""
KNOWN = ALL[0]
"""By all of them."""


class Group(NamedTuple):
    """What a training learns with."""

    title: str
    objects: tuple[str, ...]
    paper: str
    """Its robot's 30 trials with an object of the training."""


GROUPS: Mapping[str, Group] = {
    "single": Group("one cylinder", ALL[:1], "40.0 %"),
    "shape": Group("three cylinders", SHAPE_GROUPS[0], "63.3 %"),
    "mix": Group("a cylinder, a cube and a ball", MIXED_GROUPS[0][:3], "90.0 %"),
    "all": Group("all ten objects", ALL, "23.3 %"),
}
"""By the figure's names. The unlike ones are without the preset's standing block, so that both groups have three."""
ORDER = ("single", "shape", "all", "mix")
"""Of the paper's sample efficiency, best first."""


def _judged(name: str, of: str, surroundings: World, objects: Iterable[str], trials: int) -> Step:
    """The step that judges a training's policy with some objects: `objects` of its results has a summary of each."""
    names = tuple(objects)

    def do(here: Here) -> dict[str, Any]:
        policy = Policy.load(here.file(of, "policy"))
        return {"objects": {each: grasping.judge(here, policy, surroundings, trials, on=each) for each in names}}

    return Step(
        name, f"{trials} trials of {of} with {len(names)} objects", do,
        {grasping.JUDGING: len(names) * grasping.steps_of(trials)},
        settings={**grasping.settings(surroundings, trials), "objects": list(names)}, needs=(of,),
    )  # fmt: skip


def plan(size: Size) -> tuple[Step, ...]:
    """A training with each group, judged with all ten objects and under Table IV with the one that all know."""
    steps: list[Step] = []
    objects = ALL[:2] if size.quick else ALL
    trials, unknown = (worlds.trials_of(number, size.quick) for number in (TRIALS, UNKNOWN_TRIALS))
    for name, group in GROUPS.items():
        learned = group.objects[:2] if size.quick else group.objects
        made = recipes.grasp(grasping.STEPS, objects=learned, quick=size.quick)
        train = trained(f"train-{name}", f"training with {group.title}", made, work=grasping.TRAINING)
        steps += (
            train,
            _judged(name, train.name, grasping.world(), objects, trials),
            _judged(f"{name}-unknown", train.name, grasping.world("all"), (KNOWN,), unknown),
        )
    return tuple(steps)


def reached(summaries: Iterable[Mapping[str, Any]]) -> tuple[float, float, float]:
    """The share of all their trials that reached the goal, and Wilson's interval; NaN where there is no trial."""
    goals = [number for summary in summaries for number in summary["sorted"]]
    if not goals:
        return (float("nan"),) * 3
    return probe.reached({"sorted": goals})


def own_and_others(results: Results, name: str) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Summaries with the objects that a group's policy has learned with, and with the others."""
    found: Mapping[str, Mapping[str, Any]] = results[name]["objects"]
    learned = GROUPS[name].objects
    return (
        [summary for each, summary in found.items() if each in learned],
        [summary for each, summary in found.items() if each not in learned],
    )


def rows(results: Results) -> list[Row]:
    """The figure's two claims, success with own and other objects, and the trials in the unknown world."""
    one = "one training of each group, with demonstrations"
    found = [
        Row(
            "learning is fastest with one object, then with like shapes, all, unlike shapes", "yes",
            _order(results), one,
        ),
        *(
            Row(
                f"all ten objects in one policy: lower success than {GROUPS[name].title} alone, with these", "yes",
                _lower(results, name), one,
            )
            for name in ("shape", "mix")
        ),
    ]  # fmt: skip
    for name, group in GROUPS.items():
        own, others = map(reached, own_and_others(results, name))
        said = f"{own[0]:.0%} ({own[1]:.0%} … {own[2]:.0%}) with its own objects"
        if not np.isnan(others[0]):
            said += f", {others[0]:.0%} ({others[1]:.0%} … {others[2]:.0%}) with the others"
        found.append(Row(f"learned with {group.title}", "a curve", said, "simulated, nothing randomized"))
    for name, group in GROUPS.items():
        share, low, high = reached(results[f"{name}-unknown"]["objects"].values())
        found.append(
            Row(
                f"learned with {group.title}: the cylinder in a world that it does not know", group.paper,
                f"{share:.0%} ({low:.0%} … {high:.0%})", "Table IV in place of the robot",
            )
        )  # fmt: skip
    return found


def _order(results: Results) -> str:
    """Who first had what all of them had at some time."""
    curves = {name: results[f"train-{name}"]["curve"] for name in GROUPS}
    level = training.level(list(curves.values()), "goals")
    when = {name: training.reached(curve, level, "goals", "steps") for name, curve in curves.items()}
    order = sorted(when, key=lambda name: when[name])
    said = ", ".join(f"{name} {when[name] / 1e6:.2f} M" for name in order)
    return f"{'yes' if tuple(order) == ORDER else 'no'}: {level:.2f} goals an episode after {said} steps"


def _lower(results: Results, name: str) -> str:
    """Whether one policy for all does worse with a group's objects than the group's own, by the intervals."""
    group = reached(own_and_others(results, name)[0])
    found = results["all"]["objects"]
    together = reached([found[each] for each in GROUPS[name].objects if each in found])
    said = f"{together[0]:.0%} against {group[0]:.0%}"
    if together[2] < group[1]:
        return f"yes: {said}"
    return f"no: {said}" if together[1] > group[2] else f"not clear: {said}; intervals overlap"


def draw(results: Results, figure: Figure) -> None:
    """How they learned, and success with each object."""
    learning, success = figure.subplots(1, 2)
    pictures.training_curves(
        learning, {group.title: results[f"train-{name}"]["curve"] for name, group in GROUPS.items()}, "steps"
    )
    objects = list(results["all"]["objects"])
    values = np.array([[100.0 * reached([results[name]["objects"][o]])[0] for o in objects] for name in GROUPS])
    pictures.matrix(success, values, [group.title for group in GROUPS.values()], objects, digits=0)
    success.set_title("% of the goals reached, nothing randomized", fontsize=9)


EXPERIMENT = Experiment(
    name="groups",
    of="Lin et al., Figure 3, right",
    title="one object, groups, all ten",
    plan=plan,
    rows=rows,
    draw=draw,
    differs=(
        "It is another paper's claim (arXiv:2502.20396), of the GR1.",
        "One training of each size; the paper trains every group of its ten objects, ten times each.",
        "Trainings begin with demonstrations: 250 tries of a script with one object, or 80 with each of several. "
        "Only those that lift it are shown; the small cube hardly ever is.",
        "They last 0.7 M control steps of 240 or 256 environments, without randomizations.",
        "Curves are of drawn actions and count starts in a grasp; the table is of the most likely actions, from rest.",
        "How fast they learn is told by the most that the slowest of them ever had.",
    ),
    figure_size=(13.0, 4.5),
)
