"""Reward terms of the three tasks: a contact goal for each placement of stickers, the object's goal, bonuses."""

from __future__ import annotations

from dactyl.environment import contact_terms, stickers
from dactyl.environment.contact_terms import RewardTerm, contact_goal
from dactyl.tasks.tabletop.goals import engaged

TERMS: dict[str, RewardTerm] = {
    **{f"contact_{name}": contact_goal(name, engaged) for name in stickers.PLACEMENTS},
    "object_goal": contact_terms.object_goal,
    "stage_bonus": contact_terms.stage_bonus,
    "lift": contact_terms.lift,
    "drop": contact_terms.drop,
    "action_change": contact_terms.action_change,
}


def paper(placement: str) -> dict[str, float]:
    """Equation 3, or 4 where the goal has stages, with stickers placed so. The weights are a choice.

    A contact earns no more than an object at its goal, for one hand of four fingers; with a lift's bonus, not the
    paper's, which tells a hand that holds on from one that only touches.
    """
    return {f"contact_{placement}": 0.25, "object_goal": 1.0, "lift": 0.5, "stage_bonus": 5.0}
