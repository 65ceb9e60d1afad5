"""What a person leaves open, the policy's file says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dactyl.errors import DactylError
from dactyl.farm.job import Job
from dactyl.farm.options import JobOptions
from dactyl.farm.submission import job_for


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """The header of a policy's file: nothing else is read."""
    contract = {"robot": "shadow", "task": "reorient", "object": "sphere", "smoothing": 0.3, "action_scale": 1.0}
    text = json.dumps({"__metadata__": {"dactyl": json.dumps(contract)}}).encode()
    path = tmp_path / "policy.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    return path


def test_robot_task_and_object_are_the_policys(policy: Path) -> None:
    job = job_for(policy, JobOptions(trials=4, seed=2), None, None)
    assert job == Job("shadow", "reorient", "sphere", trials=4, seed=2)


def test_what_is_asked_goes_first(policy: Path) -> None:
    asked = JobOptions(object="block", seconds=15.0, rules="{tolerance: 0.2}")
    job = job_for(policy, asked, (0.0, -0.04, 0.35), (1.0, 0.0, 0.0, 0.0))
    assert job.object == "block"
    assert (job.seconds, job.rules) == (15.0, "{tolerance: 0.2}")
    assert job.goal == (0.0, -0.04, 0.35, 1.0, 0.0, 0.0, 0.0)


def test_half_a_goal_is_refused(policy: Path) -> None:
    with pytest.raises(DactylError, match="both --position and --quaternion"):
        job_for(policy, JobOptions(), (0.0, 0.0, 0.0), None)


def test_a_file_that_is_no_policy_is_refused_here_already(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no weights")
    with pytest.raises(DactylError, match="not a policy file"):
        job_for(tmp_path / "notes.txt", JobOptions(), None, None)
