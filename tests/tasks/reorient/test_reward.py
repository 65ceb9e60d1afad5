"""The reward's terms on transitions worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.simulation.objects import HALF_SIZE
from dactyl.tasks.reorient import reward


def transition(**changes: object) -> reward.Transition:
    """One world, nothing happening."""
    still = {
        "angle_before": [1.5],
        "angle": [1.5],
        "goal": [[1.0, 0, 0, 0]],
        "orientation": [[math.cos(0.75), math.sin(0.75), 0, 0]],
        "offset": [[0.0, 0, 0]],
        "reached": [False],
        "dropped": [False],
        "timeout": [False],
        "action": [[0.0] * 20],
        "previous_action": [[0.0] * 20],
    }
    return reward.Transition(**{name: torch.tensor(value) for name, value in {**still, **changes}.items()})


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
    happened = transition(angle_before=[before], angle=[after], reached=[reached], dropped=[dropped])
    assert reward.total(reward.PAPER_REWARD, happened).item() == pytest.approx(expected, abs=1e-6)


def test_weights_of_the_paper():
    assert reward.PAPER_REWARD == {"progress": 1.0, "success": 5.0, "drop": -20.0}


TERMS = [
    ("progress", {"angle_before": [1.0], "angle": [0.75]}, 0.25),
    ("success", {"reached": [True]}, 1.0),
    ("drop", {"dropped": [True]}, 1.0),
    ("timeout", {"timeout": [True]}, 1.0),
    ("distance", {"offset": [[0.03, 0.0, -0.04]]}, 0.05),
    ("proximity", {"angle": [0.4]}, 2.0),
    ("effort", {"action": [[0.5] * 4 + [-1.0] + [0.0] * 15]}, 2.0),
    ("action_change", {"action": [[0.5] * 20], "previous_action": [[0.25] * 20]}, 1.25),
]


@pytest.mark.parametrize(("name", "changes", "expected"), TERMS)
def test_terms(name, changes, expected):
    assert reward.TERMS[name](transition(**changes)).item() == pytest.approx(expected, abs=1e-6)
    assert reward.total({name: -2.0}, transition(**changes)).item() == pytest.approx(-2.0 * expected, abs=1e-6)


def test_every_term_is_tested():
    assert {*reward.TERMS} == {name for name, *_ in TERMS} | {"keypoints"}


def kernel(distance: float) -> float:
    return 1.0 / (math.exp(30 * distance) + 2.0 + math.exp(-30 * distance))


def test_keypoints_on_target():
    q = [[math.cos(0.75), math.sin(0.75), 0, 0]]
    assert reward.keypoints(transition(goal=q, orientation=q)).item() == pytest.approx(0.25)


def test_keypoints_displaced():
    """All eight corners are as far off as the object."""
    q = [[math.cos(0.75), math.sin(0.75), 0, 0]]
    happened = transition(goal=q, orientation=q, offset=[[0.0, 0.03, 0.04]])
    assert reward.keypoints(happened).item() == pytest.approx(kernel(0.05), rel=1e-5)


@pytest.mark.parametrize("present", [[1.0, 0, 0, 0], [0.5, 0.5, 0.5, 0.5], [0.9, 0.1, -0.3, 0.2]])
def test_keypoints_turned_about_the_cubes_diagonal(present):
    """Two corners stay, six move on circles: wherever the cube is turned to, its own corners are what counts."""
    present = quaternion.normalize(torch.tensor([present]))
    about_diagonal = quaternion.from_rotation_vector(torch.full((1, 3), 1.0 / math.sqrt(3)))
    happened = transition()._replace(goal=quaternion.multiply(present, about_diagonal), orientation=present)
    radius = 2 * HALF_SIZE * math.sqrt(2 / 3)  # of a corner from the diagonal
    chord = 2 * radius * math.sin(0.5)
    assert reward.keypoints(happened).item() == pytest.approx((2 * 0.25 + 6 * kernel(chord)) / 8, rel=1e-5)


def test_keypoints_far_away_do_not_overflow():
    assert reward.keypoints(transition(offset=[[50.0, 0, 0]])).item() == 0.0


def test_a_broken_simulation_earns_nothing():
    """A NaN reward would poison the whole batch of a training step."""
    broken = transition(angle=[torch.nan], offset=[[torch.nan, 0, 0]], dropped=[True])
    weights = dict.fromkeys(reward.TERMS, 1.0)
    assert reward.total(weights, broken).tolist() == [0.0]
    assert reward.total(reward.PAPER_REWARD, transition(angle_before=[torch.inf])).tolist() == [0.0]


def test_no_terms_no_reward():
    assert reward.total({}, transition()).tolist() == [0.0]


def test_unknown_terms_are_refused():
    with pytest.raises(DactylError, match=r"'joy'.*choose from progress"):
        reward.check({"progress": 1.0, "joy": 1.0})
