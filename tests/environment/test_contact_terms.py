"""Reward terms of contact and object goals: which hand counts, bonuses that grow, NaN that earns nothing."""

from __future__ import annotations

import pytest
import torch

from dactyl import objects
from dactyl.environment import contact_terms, stickers
from dactyl.environment.task import Transition
from dactyl.robot import robot as robots

CARTON = objects.load("carton")
ROBOT = robots.load("gr1")
TENSORS = torch.float64


def transition(left: torch.Tensor, right: torch.Tensor, **changes: object) -> Transition:
    """A carton at the robot's place of rest, not turned, and fingertips (4, 3) of both hands, object frame."""
    place = torch.as_tensor(ROBOT.workspace.rest) + torch.tensor([0.0, 0.0, CARTON.stands], dtype=TENSORS)
    signals = {
        "fingertips": torch.cat([left, right])[None] + place,
        "object_position": place[None],
        "object_orientation": torch.tensor([[1.0, 0.0, 0.0, 0.0]], dtype=TENSORS),
        "successes": torch.zeros(1, dtype=torch.int64),
    }
    none = torch.zeros(1, dtype=torch.bool)
    values = {
        "errors_before": torch.zeros(1, 1), "errors": torch.full((1, 1), 0.1), "reached": none, "dropped": none,
        "timeout": none, "action": torch.zeros(1, 2), "previous_action": torch.ones(1, 2), **changes,
    }  # fmt: skip
    extra = values.pop("signals", {})
    return Transition(**values, signals=signals | extra, robot=ROBOT, object=CARTON)  # type: ignore[arg-type, operator]


def both(_: Transition) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.ones(1, dtype=TENSORS), torch.ones(1, dtype=TENSORS)


def right_alone(_: Transition) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.zeros(1, dtype=TENSORS), torch.ones(1, dtype=TENSORS)


def there(hand: str) -> torch.Tensor:
    """Four fingertips on a hand's stickers."""
    return torch.as_tensor(stickers.sides(CARTON, hand)[:4])


FAR = torch.full((4, 3), 9.0, dtype=TENSORS)


def test_each_engaged_hand_earns_up_to_four() -> None:
    term = contact_terms.contact_goal("sides", both)
    torch.testing.assert_close(term(transition(there("left"), there("right"))), torch.tensor([8.0], dtype=TENSORS))
    swapped = term(transition(there("right"), there("left")))
    assert swapped < 2.0, "a hand's own side counts"
    assert 4.0 < term(transition(there("left"), FAR)) < 4.1


def test_a_hand_that_is_not_engaged_earns_nothing() -> None:
    """Stages: what a hand does before its turn, or after, does not count (equation 4)."""
    term = contact_terms.contact_goal("sides", right_alone)
    one, other = term(transition(FAR, there("right"))), term(transition(there("left"), there("right")))
    torch.testing.assert_close(one, other)
    torch.testing.assert_close(one, torch.tensor([4.0], dtype=TENSORS))


def test_a_robot_of_four_fingertips_has_the_right_hand() -> None:
    left, right = contact_terms.hands(torch.zeros(3, 4, 3))
    assert left is None
    assert right.shape == (3, 4, 3)
    tips = torch.arange(8.0)[None, :, None].expand(1, 8, 3)
    left, right = contact_terms.hands(tips)
    assert left is not None
    assert (left[0, :, 0].tolist(), right[0, :, 0].tolist()) == ([0, 1, 2, 3], [4, 5, 6, 7])


def test_bonuses_grow_with_the_stage() -> None:
    yes = torch.ones(1, dtype=torch.bool)
    first = transition(FAR, FAR, reached=yes)
    second = transition(FAR, FAR, reached=yes, signals={"successes": torch.ones(1, dtype=torch.int64)})
    assert contact_terms.stage_bonus(transition(FAR, FAR)).item() == 0.0
    assert (contact_terms.stage_bonus(first).item(), contact_terms.stage_bonus(second).item()) == (1.0, 2.0)


def test_the_objects_goal_and_its_lift() -> None:
    assert contact_terms.object_goal(transition(FAR, FAR)).item() == pytest.approx(0.5)  # 10 cm at 10/m
    assert contact_terms.lift(transition(FAR, FAR)).item() == pytest.approx(0.0, abs=1e-9)
    at = transition(FAR, FAR).signals["object_position"]
    raised = transition(FAR, FAR, signals={"object_position": at + torch.tensor([0.0, 0.0, 0.05])})
    assert contact_terms.lift(raised).item() == pytest.approx(0.5)
    assert contact_terms.action_change(raised).item() == 2.0
    assert contact_terms.drop(transition(FAR, FAR, dropped=torch.ones(1, dtype=torch.bool))).item() == 1.0
