"""A tracker that is slow and late: which pose the policy sees in which step."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from dactyl.environment.randomization.held_pose import HeldPose
from dactyl.environment.randomization.random import Random
from dactyl.environment.randomization.unmodeled_effects import UnmodeledEffects
from dactyl.errors import DactylError
from dactyl.robot import robot as robots
from dactyl.robot.robot import Robot, Timing

FAST: Robot = replace(robots.load("shadow"), timing=Timing(control=0.02, physics=0.005))
ENVS = 64


def tracker(period: float, delay: float, envs: int = ENVS) -> HeldPose:
    effects = UnmodeledEffects(pose_period=period, pose_delay=delay)
    made = HeldPose(effects, envs, FAST, Random(0, torch.device("cpu")))
    made.restart(torch.ones(envs, dtype=torch.bool))
    return made


def poses(step: int, envs: int = ENVS) -> tuple[torch.Tensor, torch.Tensor]:
    """Those measured in a step: its number in every place."""
    return torch.full((envs, 3), float(step)), torch.full((envs, 4), float(step))


def seen(made: HeldPose, steps: int, envs: int = ENVS) -> torch.Tensor:
    """(steps, N) the step in which what is seen was measured."""
    rows = []
    for step in range(steps):
        position, orientation = made.apply(*poses(step, envs))
        assert (position == position[:, :1]).all()
        assert (orientation == position[:, :1]).all(), "position and orientation are of one moment"
        rows.append(position[:, 0])
    return torch.stack(rows)


def test_trifingers_tracker_serves_five_steps_with_a_pose_that_is_five_to_nine_steps_old() -> None:
    """0.1 s between poses and 90 ms, four and a half steps, until one arrives."""
    rows = seen(tracker(0.1, 0.09), 60)
    ages = torch.arange(60)[:, None] - rows
    assert set(ages[20:].unique().tolist()) == {5.0, 6.0, 7.0, 8.0, 9.0}
    changes = (rows[1:] != rows[:-1])[20:]
    assert changes.sum(0).unique().numel() <= 2
    for env in range(ENVS):
        assert changes[:, env].nonzero().flatten().diff().unique().tolist() == [5]


def test_the_first_step_of_an_episode_sees_a_new_pose() -> None:
    """Nobody would begin without having seen the object."""
    made = tracker(0.1, 0.09)
    assert (seen(made, 1) == 0.0).all()
    for step in range(1, 30):
        made.apply(*poses(step))
    again = torch.arange(ENVS) % 2 == 0
    made.restart(again)
    position, _ = made.apply(*poses(30))
    assert (position[again] == 30.0).all()
    assert (position[~again] < 30.0).all()
    for step in range(31, 35):
        position, _ = made.apply(*poses(step))
        assert (position[again] >= 30.0).all(), "nothing is left of the episode before"


def test_when_readings_arrive_differs_between_episodes() -> None:
    rows = seen(tracker(0.1, 0.0), 6)
    first = (rows[1:] != rows[:-1]).int().argmax(0)
    assert set(first.tolist()) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(("period", "delay", "age"), [(0.0, 0.0, 0.0), (0.0, 0.04, 2.0), (0.02, 0.03, 2.0)])
def test_a_tracker_may_be_late_without_being_slow(period: float, delay: float, age: float) -> None:
    """A delay counts in whole control steps, rounded up."""
    rows = seen(tracker(period, delay), 12)
    assert (torch.arange(12)[4:, None] - rows[4:] == age).all()


def test_the_state_goes_on_where_it_was_saved() -> None:
    one, two = tracker(0.1, 0.09), tracker(0.1, 0.09)
    for step in range(13):
        one.apply(*poses(step))
    two.load_state_dict(one.state_dict())
    for step in range(13, 30):
        assert torch.equal(one.apply(*poses(step))[0], two.apply(*poses(step))[0])


@pytest.mark.parametrize("wrong", [{"pose_period": -0.1}, {"pose_delay": float("nan")}, {"pose_delay": float("inf")}])
def test_impossible_trackers_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(DactylError, match=next(iter(wrong))):
        UnmodeledEffects(**wrong)
