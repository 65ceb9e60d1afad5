"""What a task counts: of trials that ended, while they ran, in the robot's frame."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from dactyl.learning import counts
from dactyl.learning.counts import Counts


def environment(qpos: torch.Tensor) -> Any:
    """Three environments whose robot's frame is a metre up, on its head."""
    return SimpleNamespace(
        num_envs=3,
        physics=SimpleNamespace(state=SimpleNamespace(qpos=qpos)),
        scene=SimpleNamespace(
            object_position=slice(1, 4),
            hand_position=np.array([0.0, 0.0, 1.0]),
            hand_quaternion=np.array([0.0, 1.0, 0.0, 0.0]),
        ),
        task=SimpleNamespace(
            counts={"steps": len, "above": lambda positions: int((positions[:, 2] > 0.5).sum())},
        ),
    )


def test_each_trial_is_counted_while_it_runs_and_only_those_that_ended() -> None:
    qpos = torch.zeros(4, 8)  # one environment more prepares starts
    counted = Counts(environment(qpos))
    running = torch.ones(3, dtype=torch.bool)
    for step in range(4):
        qpos[:, 3] = torch.tensor([0.0, 2.0, 0.0, 9.0])  # world heights: the robot's z is 1 - that
        counted.add(running)
        if step == 1:
            counted.end(1)
            running[1] = False
    counted.end(0)
    found = counted.summary()
    assert found["steps"] == {"mean": 3.0, "trials": [4, 2]}
    assert found["above"] == {"mean": 2.0, "trials": [4, 0]}
    assert counts.as_text(found) == "  counted in a trial: steps 3.00, above 2.00"


def test_where_no_trial_ended_there_is_nothing_to_say() -> None:
    assert Counts(environment(torch.zeros(4, 8))).summary() == {}
