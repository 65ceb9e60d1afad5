"""A bar is grasped on one side of the table and handed over to the other hand (Lin et al., section IV-B)."""

from dactyl.tasks.tabletop import family, goals
from dactyl.tasks.tabletop.rules import TabletopRules

RULES = TabletopRules(at_end=False, goal_heights=(0.28, 0.34), side="either", timeout=8.0, max_successes=2)

TASK = family.make(
    "handover",
    objects=("bar",),
    rules=RULES,
    draw_goal=goals.for_one_after_the_other,
    contacts="halves",
    robot="gr1",
    hindsight=goals.reached_by_one_after_the_other,
)
