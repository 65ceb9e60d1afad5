"""What a client may ask."""

from __future__ import annotations

import json

import pytest

from dactyl.errors import DactylError
from dactyl.farm.job import MAX_BYTES, Job

GOAL = [0.0, -0.04, 0.35, 1.0, 0.0, 0.0, 0.0]
ASKED = {"robot": "shadow", "task": "reorient", "object": "block"}


def test_a_job_survives_its_own_text() -> None:
    """Protects the queue, which keeps jobs as text."""
    job = Job(**ASKED, trials=3, seed=2**63 - 1, goal=tuple(GOAL), seconds=15.0, rules="{tolerance: 0.2}")
    assert Job.from_json(job.to_json()) == job


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"user_code": "rm -rf"}, "unknown key"),
        ({"robot_number": 2}, "unknown key"),
        ({"trials": 0}, "trials"),
        ({"trials": 10**6}, "trials"),
        ({"trials": True}, "expected int"),
        ({"trials": float("nan")}, "what no job can"),
        ({"seed": -1}, "seed"),
        ({"seconds": -1.0}, "seconds"),
        ({"seconds": float("nan")}, "seconds"),
        ({"seconds": float("inf")}, "seconds"),
        ({"seconds": 10**400}, "what no job can"),
        ({"goal": GOAL[:6]}, "goal"),
        ({"goal": [*GOAL[:3], 0.0, 0.0, 0.0, 0.0]}, "goal"),
        ({"goal": [5.0, *GOAL[1:]]}, "goal"),
        ({"goal": "everywhere"}, "goal"),
        ({"robot": 7}, "robot"),
        ({"rules": {"timeout": 3.0}}, "expected str"),
        ({"rules": "{kindness: 3}"}, "unknown key rules.kindness"),
        ({"rules": "{timeout: &a [*a, *a]}"}, "without anchors"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(changes: dict[str, object], said: str) -> None:
    """Protects robots from jobs that nobody can mean, and clients from silence about them."""
    with pytest.raises(DactylError, match=said):
        Job.from_json(json.dumps(ASKED | changes))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "[" * 5000, "{}", '{"robot": "shadow"}', "x" * (MAX_BYTES + 1)]
)
def test_what_is_no_job_is_one_error(text: str) -> None:
    """Protects the server from whatever is sent."""
    with pytest.raises(DactylError):
        Job.from_json(text)
