"""A bar is grasped on one side of the table and handed over to the other hand (Lin et al., section IV-B)."""

from functools import partial

from dactyl.environment.task import Task, left_workspace
from dactyl.tasks.tabletop import goals
from dactyl.tasks.tabletop.observations import OBSERVATIONS, POLICY_TERMS, VALUE_TERMS
from dactyl.tasks.tabletop.rewards import TERMS, paper
from dactyl.tasks.tabletop.rules import TabletopRules

RULES = TabletopRules(at_end=False, goal_heights=(0.28, 0.34), side="either", timeout=8.0, max_successes=2)

TASK = Task(
    name="handover",
    title="handover",
    objects=("bar",),
    draw_goal=partial(goals.for_one_after_the_other, RULES),
    goal_pose=goals.as_pose,
    goal_of_pose=goals.of_pose,
    place=partial(goals.place, RULES),
    errors=goals.errors,
    error_names=("distance, m",),
    lost=left_workspace,
    rules=RULES,
    training_rules=RULES,
    observations=OBSERVATIONS,
    policy_terms=POLICY_TERMS,
    value_terms=VALUE_TERMS,
    rewards=TERMS,
    reward=paper("halves"),
    robot="gr1",
    by_rules=partial(goals.under, goals.for_one_after_the_other),
    randomization="dactyl.tasks.tabletop.randomization:RANDOMIZATION",
)
