"""What the tasks at a table have in common."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from dactyl.environment.task import Signals, Task, left_workspace
from dactyl.maths.quaternion import Array
from dactyl.tasks.tabletop import goals
from dactyl.tasks.tabletop.grasps import COUNTS
from dactyl.tasks.tabletop.observations import OBSERVATIONS, POLICY_TERMS, VALUE_TERMS
from dactyl.tasks.tabletop.rewards import TERMS, paper
from dactyl.tasks.tabletop.rules import TabletopRules


def make(
    name: str,
    *,
    objects: tuple[str, ...],
    rules: TabletopRules,
    draw_goal: Callable[..., Any],
    contacts: str,
    robot: str,
    hindsight: Callable[[Signals, Signals], Array] | None = None,
) -> Task:
    """A task with its own goals, and with contacts wanted where the paper has them for it (equation 1)."""
    return Task(
        name=name,
        title=name.replace("_", " "),
        objects=objects,
        draw_goal=partial(draw_goal, rules),
        goal_pose=goals.as_pose,
        goal_of_pose=goals.of_pose,
        place=partial(goals.place, rules),
        errors=goals.errors,
        error_names=("distance, m",),
        lost=left_workspace,
        rules=rules,
        training_rules=rules,
        observations=OBSERVATIONS,
        policy_terms=POLICY_TERMS,
        value_terms=VALUE_TERMS,
        rewards=TERMS,
        reward=paper(contacts),
        robot=robot,
        by_rules=partial(goals.under, draw_goal),
        hindsight=hindsight,
        counts=COUNTS,
        randomization="dactyl.tasks.tabletop.randomization:RANDOMIZATION",
    )
