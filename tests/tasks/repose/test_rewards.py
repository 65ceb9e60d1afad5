"""Reward terms against the paper's public code, in numbers done by hand."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest
import torch

from dactyl import objects
from dactyl.environment import task as tasks
from dactyl.environment.task import Transition
from dactyl.maths import quaternion
from dactyl.robot import robot as robots
from dactyl.tasks.repose import goals, rewards

ROBOT = robots.load("trifinger")
GOAL = torch.tensor([[0.02, -0.01, 0.06, 1.0, 0.0, 0.0, 0.0]])
TIPS = torch.tensor([[[0.1, 0.0, 0.06], [0.0, 0.1, 0.06], [-0.1, 0.0, 0.06]]])


def kernel(x: float) -> float:
    return 1.0 / (exp(x) + 2.0 + exp(-x))


def transition(
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0),
    turn: tuple[float, float, float] = (0.0, 0.0, 0.0),
    before: dict[str, torch.Tensor] | None = None,
    **changes: object,
) -> Transition:
    """The cube is off its goal by a shift, m, and a rotation vector, rad."""
    signals = {
        "goal": GOAL,
        "object_position": GOAL[:, :3] + torch.tensor([shift]),
        "object_orientation": quaternion.from_rotation_vector(torch.tensor([turn])),
        "fingertips": TIPS,
    }
    errors, none = goals.errors(GOAL, signals), torch.zeros(1, dtype=torch.bool)
    values = {
        "errors_before": errors, "errors": errors, "signals": signals, "reached": none, "dropped": none,
        "timeout": none, "action": torch.zeros(1, 9), "previous_action": torch.zeros(1, 9), **changes,
    }  # fmt: skip
    earlier = {name: signals[name] for name in rewards.REMEMBERED} | (before or {})
    return Transition(**values, robot=ROBOT, object=objects.load("cube"), before=earlier)  # type: ignore[arg-type]


def test_on_target_every_kernel_is_a_quarter() -> None:
    there = transition()
    torch.testing.assert_close(rewards.keypoints(there), torch.tensor([0.25]))
    torch.testing.assert_close(rewards.fine_keypoints(there), torch.tensor([0.25]))
    torch.testing.assert_close(rewards.position(there), torch.tensor([0.25]))
    torch.testing.assert_close(rewards.rotation(there), torch.tensor([100.0]), rtol=1e-3, atol=0.0)


@pytest.mark.parametrize("distance", [0.01, 0.05, 0.2])
def test_kernels_of_a_shift_alone(distance: float) -> None:
    """All eight corners are off by the same."""
    off = transition(shift=(0.0, distance, 0.0))
    torch.testing.assert_close(rewards.keypoints(off), torch.tensor([kernel(30.0 * distance)]), rtol=1e-4, atol=1e-7)
    fine = torch.tensor([kernel(100.0 * distance)])
    torch.testing.assert_close(rewards.fine_keypoints(off), fine, rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(rewards.position(off), torch.tensor([kernel(50.0 * distance)]), rtol=1e-4, atol=1e-7)


def test_a_cube_just_off_its_goal_loses_half_of_the_fine_reward_and_little_of_the_other() -> None:
    """At the tolerance of 22 degrees; that is why there is a fine one."""
    nearly = transition(turn=(0.0, 0.0, np.deg2rad(22.0)))
    assert 0.4 < rewards.fine_keypoints(nearly).item() / 0.25 < 0.6
    assert rewards.keypoints(nearly).item() / 0.25 > 0.9


def test_corners_on_the_axis_of_a_turn_stay_nearer_than_the_others() -> None:
    """A half turn about the vertical moves every corner by its distance from the axis, twice."""
    turned = transition(turn=(0.0, 0.0, np.pi))
    expected = kernel(30.0 * 2.0 * 0.0325 * 2**0.5)
    torch.testing.assert_close(rewards.keypoints(turned), torch.tensor([expected]), rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(rewards.position(turned), torch.tensor([0.25]))
    torch.testing.assert_close(
        rewards.rotation(turned), torch.tensor([1.0 / (3.0 * np.pi + 0.01)]).float(), rtol=1e-4, atol=0.0
    )


def test_reaching_counts_how_far_fingertips_have_gone_away_from_the_object() -> None:
    """One finger nearer by 1 cm: -0.01; an object that comes nearer counts too. Its weight is negative."""
    before = TIPS.clone()
    before[0, 0, 0] += 0.01
    nearer = transition(shift=(-0.02, 0.01, 0.0), before={"fingertips": before})
    torch.testing.assert_close(rewards.reach(nearer), torch.tensor([-0.01]), rtol=1e-4, atol=1e-6)
    still = transition()
    torch.testing.assert_close(rewards.reach(still), torch.tensor([0.0]))
    moved = transition(before={"object_position": GOAL[:, :3] + 0.3})
    assert rewards.reach(moved) < -0.1
    assert tasks.load("repose").reward["reach"] < 0


def test_fingertips_that_move_have_a_speed() -> None:
    """1 mm in 20 ms is 0.05 m/s."""
    before = TIPS.clone()
    before[0, 1, 2] += 0.001
    before[0, 2, 0] -= 0.002
    speed = rewards.fingertip_speed(transition(before={"fingertips": before}))
    torch.testing.assert_close(speed, torch.tensor([0.05**2 + 0.1**2]), rtol=1e-3, atol=0.0)


def test_events_and_changes_count() -> None:
    yes = torch.ones(1, dtype=torch.bool)
    assert rewards.success(transition(reached=yes)).tolist() == [1.0]
    assert rewards.drop(transition(dropped=yes)).tolist() == [1.0]
    torch.testing.assert_close(rewards.action_change(transition(action=0.5 * torch.ones(1, 9))), torch.tensor([2.25]))


def test_the_papers_weights_are_its_codes() -> None:
    """2000 x 0.02 s, -250 and -0.5, all times 0.01."""
    weights = tasks.load("repose").reward
    assert weights == pytest.approx({"keypoints": 2000 * 0.02 * 0.01, "reach": -2.5, "fingertip_speed": -0.005})
