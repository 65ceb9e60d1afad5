"""Bringing a cube to a pose, in a time: the TriFinger platform's challenge, of four difficulties (Allshire et al.)."""

from __future__ import annotations

from dactyl.environment.task import Task, left_workspace
from dactyl.tasks.repose import goals
from dactyl.tasks.repose.observations import OBSERVATIONS, POLICY_TERMS, VALUE_TERMS
from dactyl.tasks.repose.regrasps import COUNTS
from dactyl.tasks.repose.rewards import PAPER_REWARD, REMEMBERED, TERMS
from dactyl.tasks.repose.rules import ReposeRules

TASK = Task(
    name="repose",
    title="reposing",
    objects=("cube",),
    draw_goal=goals.drawer(ReposeRules()),
    goal_pose=goals.as_pose,
    goal_of_pose=goals.of_pose,
    place=goals.placer(ReposeRules()),
    errors=goals.errors,
    error_names=("distance, m", "angle, rad"),
    lost=left_workspace,
    rules=ReposeRules(),
    training_rules=ReposeRules(),
    observations=OBSERVATIONS,
    policy_terms=POLICY_TERMS,
    value_terms=VALUE_TERMS,
    rewards=TERMS,
    reward=PAPER_REWARD,
    robot="trifinger",
    remembers=REMEMBERED,
    by_rules=goals.under,
    hindsight=goals.reached,
    counts=COUNTS,
    randomization="dactyl.tasks.repose.randomization:RANDOMIZATION",
)
