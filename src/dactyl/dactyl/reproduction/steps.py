"""Steps that several experiments have: trainings, judgements of what was trained, the stand-in's hand."""

from __future__ import annotations

from typing import Any

from dactyl import registry
from dactyl.environment import task as tasks
from dactyl.environment.randomization import of_task, select
from dactyl.learning.policy import Policy
from dactyl.reproduction import training, worlds
from dactyl.reproduction.experiment import Here, Step
from dactyl.reproduction.worlds import TITLES, World
from dactyl.storage import models
from dactyl.storage.shared import shared

HAND, HAND_SEED = "hand.yaml", 11


def _hand(here: Here) -> dict[str, Any]:
    return {**worlds.write_hidden_hand(here.folder / HAND, registry.DEFAULTS["robots"], HAND_SEED), "file": HAND}


def hidden_hand(owner: str = "") -> Step:
    """The step that draws the stand-in's hand; needed where anything is judged in it. `owner`: see `Step`."""
    settings = {"seed": HAND_SEED}
    return Step("hand", "a hand that nobody was told", _hand, {"seconds": 5.0}, settings=settings, owner=owner)


def judged(name: str, trained: str, world: str, trials: int, quick: bool, owner: str = "") -> Step:
    """The step that judges what another step trained; in the stand-in it needs the step of `hidden_hand` too.

    Args:
        name: of the step.
        trained: the step that trained the policy.
        world: one of `worlds.TITLES`.
        trials: in the full form.
        quick: the quick form.
        owner: see `Step`.
    """
    number, stand_in = worlds.trials_of(trials, quick), world == "stand-in"
    shape = worlds.stand_in() if stand_in else worlds.training_world(world)

    def do(here: Here) -> dict[str, Any]:
        policy = Policy.load(here.file(trained, "policy"))
        chosen = worlds.stand_in(str(here.file("hand", "file"))) if stand_in else shape
        return worlds.judge(policy, chosen, number, threads=here.threads, quick=quick)

    return Step(
        name, f"{number} trials of {trained} in {TITLES[world]}", do, worlds.work_of(number, shape, quick),
        settings={"trials": number, "seed": 0, "world": shape.settings()},
        needs=(trained, "hand") if stand_in else (trained,), owner=owner,
    )  # fmt: skip


def trained(
    name: str,
    title: str,
    preset: dict[str, Any],
    after: str = "",
    owner: str = "",
    work: str = "training steps",
) -> Step:
    """The step that trains a preset, from the networks of the step `after` if one is named.

    Args:
        name: of the step.
        title: for people.
        preset: its content.
        after: a step whose networks training begins with.
        owner: see `Step`.
        work: the kind of its steps in `cost.RATES`.
    """
    teacher, environment = preset.get("teacher"), preset["environment"]
    task = tasks.load(environment.get("task", registry.DEFAULTS["tasks"]))
    world = World(select(environment["randomization"], of_task(task)))
    return Step(
        name, title, training.training(preset, after), {work: float(preset["total_steps"])},
        settings={"preset": preset, "world": world.settings()},
        files=(shared(teacher, models.POLICY),) if teacher else (), needs=(after,) if after else (), owner=owner,
    )  # fmt: skip
