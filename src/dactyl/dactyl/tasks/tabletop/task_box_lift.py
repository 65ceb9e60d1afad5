"""A carton too large for one hand is lifted with both (Lin et al., section IV-B)."""

from functools import partial

from dactyl.environment.task import Task, left_workspace
from dactyl.tasks.tabletop import goals
from dactyl.tasks.tabletop.observations import OBSERVATIONS, POLICY_TERMS, VALUE_TERMS
from dactyl.tasks.tabletop.rewards import TERMS, paper
from dactyl.tasks.tabletop.rules import TabletopRules

RULES = TabletopRules(goal_heights=(0.28, 0.36), goal_spread=0.0)

TASK = Task(
    name="box_lift",
    title="box lift",
    objects=("carton",),
    draw_goal=partial(goals.for_both_hands, RULES),
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
    reward=paper("sides"),
    robot="gr1",
    by_rules=partial(goals.under, goals.for_both_hands),
    randomization="dactyl.tasks.tabletop.randomization:RANDOMIZATION",
)
