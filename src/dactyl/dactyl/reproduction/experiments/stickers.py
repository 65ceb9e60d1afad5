"""Lin et al., Figure 4: where two hands touch a carton that they lift, by where the stickers were in training.

Each shipped policy of the box lift was trained with another placement. In the last second of each trial whose goal was
reached all points at which the robot touches the carton are measured against every placement.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from dactyl.environment.environment import Environment
from dactyl.environment.randomization import of_task, select
from dactyl.environment.stickers import distances, place
from dactyl.environment.task import load
from dactyl.learning import evaluation
from dactyl.learning.policy import Policy
from dactyl.reproduction import pictures, probe, worlds
from dactyl.reproduction.experiment import Experiment, Here, Results, Row, Size, Step
from dactyl.robot import robot as robots
from dactyl.simulation.contacts import ContactReader
from dactyl.simulation.scene import Scene
from dactyl.storage import models
from dactyl.storage.shared import shared

ROBOT, TASK = "gr1", "box_lift"
MODELS: Mapping[str, str] = {"sides": "models/gr1-box-lift"}
"""By the placement that each was trained with; there is none yet for the others."""
TITLES: Mapping[str, str] = {
    "sides": "the sides' centres",
    "top_bottom": "the centres of top and bottom",
    "bottom_edges": "the lower edges of the sides",
}
"""All placements of the figure, from its top to its bottom."""
TRIALS, LAST = 100, 1.0
"""Trials of each; s before their end in which contacts are looked at."""
NEAR = 0.03
"""m from the nearest sticker of the hand that touches: a choice."""


class States:
    """Remembers the last states of each trial."""

    def __init__(self, environment: Environment, kept: int) -> None:
        self._environment = environment
        self._kept: list[list[np.ndarray]] = [[] for _ in range(environment.num_envs)]
        self._most = kept

    def add(self, running: Tensor) -> None:
        """Remember the states of the trials that are running, (N,) bool."""
        qpos = self._environment.physics.state.qpos
        for index in running.nonzero().flatten().tolist():
            rows = self._kept[index]
            rows.append(qpos[index].double().cpu().numpy().copy())
            del rows[: -self._most]

    def end(self, index: int) -> None:
        """Nothing more comes of this trial."""

    def of(self, index: int) -> np.ndarray:
        """(k, nq) the last ones of a trial."""
        return np.array(self._kept[index])


def touched(scene: Scene, reader: ContactReader, states: np.ndarray) -> dict[str, list[float]]:
    """Of all contacts in states (k, nq), m to the nearest sticker of their hand, for every placement."""
    found: dict[str, list[float]] = {name: [] for name in TITLES}
    for qpos in states:
        points, fingers = reader.points(qpos)
        for point, finger in zip(points, fingers, strict=True):
            hand = scene.robot.fingertips[finger].partition("_")[0]
            for name, away in found.items():
                stickers = place(name, scene.object, hand).like(point)
                away.append(float(distances(stickers, point[None])[0]))
    return found


def _judged(placement: str, quick: bool) -> Step:
    """The step that judges the policy of a placement and measures its contacts."""
    trials, file = worlds.trials_of(TRIALS, quick), shared(MODELS[placement], models.POLICY)
    task, world = load(TASK), worlds.World(select("none", of_task(load(TASK))))
    period = robots.load(ROBOT).timing.control

    def do(here: Here) -> dict[str, Any]:
        policy = Policy.load(file)
        config = evaluation.environment_config(policy.contract, world.randomization)
        environment = Environment(config, trials, seed=0, threads=here.threads)
        states = States(environment, round(LAST / period))
        ended = evaluation.run_trials(policy, environment, counted=states)
        reader = ContactReader(environment.scene)
        reached = [i for i, trial in enumerate(ended) if trial.successes]
        each = [touched(environment.scene, reader, states.of(i)) for i in reached]
        together = {name: [away for one in each for away in one[name]] for name in TITLES}
        return {**evaluation.summarize(ended), "away_m": {name: _figures(away) for name, away in together.items()}}

    steps = worlds.control_steps(trials, task.rules.timeout, ROBOT)
    return Step(
        placement, f"{trials} trials of the policy of {TITLES[placement]}", do, {"GR1 evaluation steps": steps},
        settings={"trials": trials, "seed": 0, "last": LAST, "world": world.settings()}, files=(file,),
    )  # fmt: skip


def _figures(away: list[float]) -> dict[str, float | int | None]:
    """How many contacts, m of the middle one, and the share of those that are near."""
    if not away:
        return {"contacts": 0, "median": None, "near": None}
    return {"contacts": len(away), "median": float(np.median(away)), "near": float(np.mean(np.array(away) < NEAR))}


def plan(size: Size) -> tuple[Step, ...]:
    """Every policy that there is."""
    return tuple(_judged(placement, size.quick) for placement in MODELS)


def rows(results: Results) -> list[Row]:
    """Every placement: success, and how near contacts are to its stickers."""
    found = []
    for name, title in TITLES.items():
        if name not in MODELS:
            found.append(Row(f"stickers at {title}", "a picture", "not trained"))
            continue
        share, low, high = probe.reached(results[name])
        away = results[name]["away_m"]
        near = {other: away[other]["near"] for other in TITLES}
        if near[name] is None:
            said = "no goal was reached: no contacts"
        else:
            others = ", ".join(f"{TITLES[other]}: {near[other]:.0%}" for other in TITLES if other != name)
            said = (
                f"{near[name]:.0%} of {away[name]['contacts']} contacts are within 3 cm of them, "
                f"median {100.0 * away[name]['median']:.1f} cm. Within 3 cm of other placements: {others}"
            )
        found.append(
            Row(
                f"stickers at {title}", "a picture", f"{said}. Lifted to the goal: {share:.0%} ({low:.0%} … {high:.0%})"
            )
        )
    return found


def draw(results: Results, figure: Figure) -> None:
    """The middle contact's distance, from every placement, with every policy."""
    middle = [[results[name]["away_m"][other]["median"] for other in TITLES] for name in MODELS]
    values = 100.0 * np.array(middle, float)
    axes = figure.subplots()
    pictures.matrix(axes, values, [f"trained with {TITLES[name]}" for name in MODELS], list(TITLES.values()))
    axes.set_title("median distance from a contact to the nearest sticker, cm", fontsize=9)


EXPERIMENT = Experiment(
    name="stickers",
    of="Lin et al., Figure 4",
    title="where hands touch, by where stickers were in training",
    plan=plan,
    rows=rows,
    draw=draw,
    differs=(
        "It is another paper's claim (arXiv:2502.20396), of the GR1; theirs is a picture of each.",
        "Counted are all contacts, palms too, in the last second of trials that reached the goal; 3 cm are a choice.",
        "Each is measured to the nearest sticker of its hand. The reward counted fingertips alone.",
        "The policy began with demonstrations of a script that presses with its palms.",
        "Nothing is randomized.",
    ),
    figure_size=(7.5, 3.5),
)
