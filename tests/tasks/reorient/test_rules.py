"""When a goal orientation counts as reached and when a trial ends (appendix C.1, section 6.2)."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.environment import task as tasks
from dactyl.errors import DactylError
from dactyl.tasks.reorient import rules
from dactyl.tasks.reorient.rules import ReorientRules


def test_rules_of_the_paper():
    assert rules.SUCCESS_TOLERANCE == 0.4  # rad, appendix C.1
    assert (rules.TRAINING_TIMEOUT, rules.EVALUATION_TIMEOUT, rules.MAX_SUCCESSES) == (8.0, 80.0, 50)
    assert ReorientRules() == ReorientRules(tolerance=0.4, timeout=80.0, max_successes=50)
    task = tasks.load("reorient")
    assert task.rules == ReorientRules()
    assert task.training_rules == ReorientRules(timeout=8.0)


def test_the_angle_has_to_be_below_the_tolerance():
    assert ReorientRules(tolerance=0.2).tolerances == (0.2,)


@pytest.mark.parametrize(
    "wrong",
    [{"tolerance": 0.0}, {"tolerance": -0.4}, {"tolerance": np.nan}, {"max_successes": 0}, {"timeout": 0.0}],
    ids=str,
)
def test_impossible_rules_are_refused(wrong):
    with pytest.raises(DactylError, match=f"{next(iter(wrong))} "):
        ReorientRules(**wrong)
