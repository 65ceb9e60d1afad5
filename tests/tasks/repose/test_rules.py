"""The difficulties as rules: what is judged, and what cannot be."""

from __future__ import annotations

from math import inf, radians

import pytest

from dactyl.errors import DactylError
from dactyl.tasks.repose.rules import CENTRE_RADIUS, ReposeRules


def test_the_papers_success_is_two_centimetres_and_22_degrees_after_15_seconds():
    rules = ReposeRules()
    assert rules.tolerances == (0.02, radians(22))
    assert (rules.timeout, rules.max_successes, rules.judged_at_timeout, rules.difficulty) == (15.0, 1, True, 4)
    assert pytest.approx(0.195 - 0.0563, abs=5e-5) == CENTRE_RADIUS


@pytest.mark.parametrize("difficulty", [1, 2, 3])
def test_only_the_fourth_difficulty_asks_for_an_orientation(difficulty: int):
    assert ReposeRules(difficulty=difficulty).tolerances == (0.02, inf)
    assert ReposeRules(difficulty=1, planar=True).tolerances == (0.02, radians(22))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"difficulty": 0}, "difficulty 0 is none of 1, 2, 3, 4"),
        ({"difficulty": 5}, "difficulty 5"),
        ({"difficulty": 3, "planar": True}, "planar goals lie on the table, at difficulty 1, not 3"),
        ({"position_tolerance": 0.0}, "tolerances 0.0 m"),
        ({"rotation_tolerance": float("nan")}, "nan rad must be > 0"),
        ({"difficulty": 3, "on_table": 1.1}, "on_table 1.1 at difficulty 3"),
        ({"difficulty": 3, "on_table": float("nan")}, "on_table nan"),
        ({"difficulty": 1, "on_table": 0.5}, "on_table 0.5 at difficulty 1.*only difficulties 3 and 4"),
        ({"goal_radius": 0.2}, "goal_radius 0.2 m must be from 0 to 0.1387"),
        ({"start_radius": -0.1}, "start_radius -0.1"),
        ({"most_turned": 0.0}, "most_turned 0.0 rad must be above 0 and at most pi"),
        ({"most_turned": 3.2}, "most_turned 3.2"),
        ({"most_turned": float("nan")}, "most_turned nan"),
        ({"timeout": 0.0}, "timeout 0.0"),
    ],
    ids=str,
)
def test_impossible_rules_are_refused(wrong: dict[str, float], says: str):
    with pytest.raises(DactylError, match=says):
        ReposeRules(**wrong)
