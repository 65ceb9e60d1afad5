"""An object is grasped with the hand on its side, lifted and brought to a place (Lin et al., section IV-B)."""

from functools import partial

from dactyl.environment.task import Task, left_workspace
from dactyl.tasks.tabletop import goals
from dactyl.tasks.tabletop.observations import OBSERVATIONS, POLICY_TERMS, VALUE_TERMS
from dactyl.tasks.tabletop.rewards import TERMS, paper
from dactyl.tasks.tabletop.rules import TabletopRules

RULES = TabletopRules()

TASK = Task(
    name="grasp_and_reach",
    title="grasp and reach",
    objects=("cylinder", "table_cube", "ball"),
    draw_goal=partial(goals.for_one_hand, RULES),
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
    reward=paper("around"),
    robot="gr1_right",
    by_rules=partial(goals.under, goals.for_one_hand),
    randomization="dactyl.tasks.tabletop.randomization:RANDOMIZATION",
)
