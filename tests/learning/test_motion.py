"""How far a policy asks its targets to move."""

from __future__ import annotations

import pytest
import torch

from dactyl.learning.motion import Motion, as_text
from tests.environment.small import hold, make


def test_only_trials_that_run_count() -> None:
    motion = Motion()
    radians = torch.tensor([[0.1, -0.2], [9.0, 9.0]])
    motion.add(radians, torch.tensor([True, False]))
    motion.add(radians / 2, torch.tensor([True, False]))
    summary = motion.summary()
    assert summary["max"] == pytest.approx(11.459, abs=1e-3)
    assert summary["mean"] == pytest.approx(11.459 * (0.5 + 1 + 0.25 + 0.5) / 4, abs=1e-3)
    assert "at most 11°" in as_text(summary)


@pytest.mark.parametrize("origin", ["current", "middle"])
def test_it_is_the_way_of_the_smoothed_targets(origin: str) -> None:
    """Without randomizations a step's targets are as far from the last ones, or from where the hand was."""
    env = make(2, "none", action_origin=origin)
    env.step(hold(2) + 2)
    limits = torch.tensor(env.robot.actuator_limits)
    at = env.robot.actuator_positions(env.physics.state.qpos[:2, env.scene.joints])
    before = at if origin == "current" else env.physics.state.targets[:2].clone()
    step = env.step(hold(2) + 2)
    moved = env.physics.state.targets[:2] - before
    inside = (before + step.info["motion"] > limits[:, 0]) & (before + step.info["motion"] < limits[:, 1])
    assert inside.float().mean() > 0.8
    torch.testing.assert_close(step.info["motion"].double()[inside], moved[inside], atol=1e-5, rtol=0)
