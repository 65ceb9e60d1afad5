"""An object is grasped with the hand on its side, lifted and brought to a place (Lin et al., section IV-B)."""

from dactyl.tasks.tabletop import family, goals
from dactyl.tasks.tabletop.rules import TabletopRules

RULES = TabletopRules()

TASK = family.make(
    "grasp_and_reach",
    objects=("cylinder", "table_cube", "ball"),
    rules=RULES,
    draw_goal=goals.for_one_hand,
    contacts="around",
    robot="gr1_right",
    hindsight=goals.reached_by_one_hand,
)
