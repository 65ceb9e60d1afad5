"""A carton too large for one hand is lifted with both (Lin et al., section IV-B)."""

from dactyl.tasks.tabletop import family, goals
from dactyl.tasks.tabletop.rules import TabletopRules

RULES = TabletopRules(goal_heights=(0.28, 0.36), goal_spread=0.0)

TASK = family.make(
    "box_lift",
    objects=("carton",),
    rules=RULES,
    draw_goal=goals.for_both_hands,
    contacts="sides",
    robot="gr1",
    hindsight=goals.reached_by_both_hands,
)
