"""Turning an object in the hand to one goal orientation after another: the paper's task."""

from dactyl.environment.task import Task, left_workspace
from dactyl.tasks.reorient import goals
from dactyl.tasks.reorient.observations import OBSERVATIONS, POLICY_TERMS, VALUE_TERMS
from dactyl.tasks.reorient.rewards import PAPER_REWARD, TERMS
from dactyl.tasks.reorient.rules import TRAINING_TIMEOUT, ReorientRules

TASK = Task(
    name="reorient",
    title="in-hand reorientation",
    objects=("block", "octagonal_prism", "sphere"),
    draw_goal=goals.draw,
    goal_pose=goals.as_pose,
    goal_of_pose=goals.of_pose,
    place=goals.place,
    errors=goals.errors,
    error_names=("angle, rad",),
    lost=left_workspace,
    rules=ReorientRules(),
    training_rules=ReorientRules(timeout=TRAINING_TIMEOUT),
    observations=OBSERVATIONS,
    policy_terms=POLICY_TERMS,
    value_terms=VALUE_TERMS,
    rewards=TERMS,
    reward=PAPER_REWARD,
    showcase="dactyl.tasks.reorient.showcase:show",
)
