"""The reward's terms on transitions worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from dactyl import objects
from dactyl.environment import task as tasks
from dactyl.environment.task import Transition
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.robot import robot as robots
from dactyl.tasks.reorient import rewards

TASK, ROBOT = tasks.load("reorient"), robots.load("shadow")


def transition(
    goal: object = ((1.0, 0, 0, 0),),
    orientation: object = ((math.cos(0.75), math.sin(0.75), 0, 0),),
    offset: object = ((0.0, 0, 0),),
    kind: str = "block",
    **changes: object,
) -> Transition:
    """One environment, nothing happening; `offset`: of the object from its place, m."""
    still = {
        "errors_before": [[1.5]],
        "errors": [[1.5]],
        "reached": [False],
        "dropped": [False],
        "timeout": [False],
        "action": [[0.0] * 20],
        "previous_action": [[0.0] * 20],
    }
    signals = {
        "goal": torch.as_tensor(goal),
        "object_orientation": torch.as_tensor(orientation),
        "object_position": torch.as_tensor(offset) + torch.as_tensor(ROBOT.workspace.rest).float(),
    }
    values = {name: torch.tensor(value) for name, value in {**still, **changes}.items()}
    return Transition(**values, signals=signals, robot=ROBOT, object=objects.load(kind))


def total(weights: dict[str, float], happened: Transition) -> float:
    return sum(weight * rewards.TERMS[name](happened).item() for name, weight in weights.items())


PAPER = [
    # before, after, reached, dropped -> reward
    (1.5, 1.5, False, False, 0.0),
    (1.5, 1.2, False, False, 0.3),
    (1.2, 1.5, False, False, -0.3),
    (0.5, 0.3, True, False, 5.2),  # progress counts to the goal that was reached, not to the next one
    (1.5, 2.0, False, True, -20.5),
]


@pytest.mark.parametrize(("before", "after", "reached", "dropped", "expected"), PAPER)
def test_the_papers_reward(before, after, reached, dropped, expected):
    """r_t = d_t - d_{t+1}, +5 for a goal, -20 for a drop (appendix C.1)."""
    happened = transition(errors_before=[[before]], errors=[[after]], reached=[reached], dropped=[dropped])
    assert total(rewards.PAPER_REWARD, happened) == pytest.approx(expected, abs=1e-6)


def test_weights_of_the_paper():
    assert TASK.reward == rewards.PAPER_REWARD == {"progress": 1.0, "success": 5.0, "drop": -20.0}


TERMS = [
    ("progress", {"errors_before": [[1.0]], "errors": [[0.75]]}, 0.25),
    ("success", {"reached": [True]}, 1.0),
    ("drop", {"dropped": [True]}, 1.0),
    ("timeout", {"timeout": [True]}, 1.0),
    ("distance", {"offset": [[0.03, 0.0, -0.04]]}, 0.05),
    ("proximity", {"errors": [[0.4]]}, 2.0),
    ("effort", {"action": [[0.5] * 4 + [-1.0] + [0.0] * 15]}, 2.0),
    ("action_change", {"action": [[0.5] * 20], "previous_action": [[0.25] * 20]}, 1.25),
]


@pytest.mark.parametrize(("name", "changes", "expected"), TERMS)
def test_terms(name, changes, expected):
    values = rewards.TERMS[name](transition(**changes))
    assert values.shape == (1,)
    assert values.dtype == torch.float32
    assert values.item() == pytest.approx(expected, abs=1e-6)


def test_every_term_is_tested():
    assert {*TASK.rewards} == {name for name, *_ in TERMS} | {"keypoints"}


def kernel(distance: float) -> float:
    return 1.0 / (math.exp(30 * distance) + 2.0 + math.exp(-30 * distance))


def test_keypoints_on_target():
    q = [[math.cos(0.75), math.sin(0.75), 0, 0]]
    assert rewards.keypoints(transition(goal=q, orientation=q)).item() == pytest.approx(0.25)


def test_keypoints_displaced():
    """All eight corners are as far off as the object."""
    q = [[math.cos(0.75), math.sin(0.75), 0, 0]]
    happened = transition(goal=q, orientation=q, offset=[[0.0, 0.03, 0.04]])
    assert rewards.keypoints(happened).item() == pytest.approx(kernel(0.05), rel=1e-5)


@pytest.mark.parametrize("present", [[1.0, 0, 0, 0], [0.5, 0.5, 0.5, 0.5], [0.9, 0.1, -0.3, 0.2]])
def test_keypoints_turned_about_the_cubes_diagonal(present):
    """Two corners stay, six move on circles: wherever the cube is turned to, its own corners are what counts."""
    present = quaternion.normalize(torch.tensor([present]))
    about_diagonal = quaternion.from_rotation_vector(torch.full((1, 3), 1.0 / math.sqrt(3)))
    happened = transition(quaternion.multiply(present, about_diagonal), present)
    radius = 2 * 0.025 * math.sqrt(2 / 3)  # of a corner from the diagonal
    chord = 2 * radius * math.sin(0.5)
    assert rewards.keypoints(happened).item() == pytest.approx((2 * 0.25 + 6 * kernel(chord)) / 8, rel=1e-5)


def test_keypoints_far_away_do_not_overflow():
    assert rewards.keypoints(transition(offset=[[50.0, 0, 0]])).item() == 0.0


def test_keypoints_are_those_of_the_object():
    """A prism's sixteen corners turn on other circles than the block's eight."""
    about_z = quaternion.from_rotation_vector(torch.tensor([[0.0, 0.0, 0.3]]))
    happened = transition(orientation=about_z, kind="octagonal_prism")
    chord = 2 * 0.025 / math.cos(math.pi / 8) * math.sin(0.15)
    assert rewards.keypoints(happened).item() == pytest.approx(kernel(chord), rel=1e-4)


def test_unknown_terms_are_refused():
    with pytest.raises(DactylError, match=r"'joy'.*choose from progress"):
        TASK.check_reward({"progress": 1.0, "joy": 1.0})
