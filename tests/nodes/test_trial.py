"""The referee: goals, ends of trials, results."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped, Quaternion
from std_srvs.srv import Trigger

from dactyl import topics
from dactyl.errors import DactylError
from dactyl.maths import quaternion
from dactyl.nodes.trial import TrialNode
from dactyl.robots.shadow.layout import PALM_CENTER
from dactyl.ros import messages
from dactyl_msgs.msg import TrialStatus
from dactyl_msgs.srv import SetGoal

PERIOD_NS = 80_000_000
ON_PALM, ON_FLOOR = PALM_CENTER, PALM_CENTER + np.array([0.0, 0.3, 0.0])
TURNED = quaternion.from_rotation_vector(np.array([0.0, 0.0, 1.0]))


class Referee:
    """A trial node that is shown one pose a tick."""

    def __init__(self, node: TrialNode, goals: list[PoseStamped]) -> None:
        self.node, self.goals, self.tick = node, goals, 10

    @property
    def goal(self) -> np.ndarray:
        return messages.orientation(self.node.goal.pose.orientation)

    def show(self, position: np.ndarray, orientation: np.ndarray | None = None, ticks: int = 1) -> TrialStatus:
        for _ in range(ticks):
            message = PoseStamped()
            messages.set_point(message.pose.position, position)
            messages.set_quaternion(message.pose.orientation, TURNED if orientation is None else orientation)
            self.tick += 1
            messages.set_stamp(message.header.stamp, self.tick * PERIOD_NS)
            self.node.on_pose(message)
        return self.node.status

    def begin(self) -> None:
        """Show the object on the palm, away from any goal, until the trial runs."""
        while self.show(ON_PALM).state != TrialStatus.RUNNING:
            assert self.tick < 100


@pytest.fixture
def start(make_node: Callable[..., TrialNode], recorder: Callable[[], Any]) -> Callable[..., Referee]:
    def start(**parameters: Any) -> Referee:
        node = make_node(TrialNode, **{"lockstep": "true", "settle_time": 0.16, **parameters})
        node.goal_publisher = recorder()
        return Referee(node, node.goal_publisher.messages)

    return start


def test_a_trial_starts_once_the_object_rests_on_the_palm(start: Callable[..., Referee]) -> None:
    """Protects against trials without an object, and from counting the operator's hand."""
    referee = start()
    assert referee.show(ON_FLOOR, ticks=20).state == TrialStatus.AWAITING_OBJECT
    assert referee.show(ON_PALM, ticks=2).state == TrialStatus.AWAITING_OBJECT
    assert referee.show(ON_FLOOR).state == TrialStatus.AWAITING_OBJECT
    assert referee.show(ON_PALM, ticks=2).state == TrialStatus.AWAITING_OBJECT
    assert referee.show(ON_PALM).state == TrialStatus.RUNNING
    assert len(referee.goals) == 1
    assert referee.goals[0].header.stamp == referee.node.status.goal_stamp == referee.node.status.header.stamp


def placed(position: np.ndarray, tick: int) -> PoseStamped:
    message = PoseStamped()
    messages.set_point(message.pose.position, position)
    messages.set_quaternion(message.pose.orientation, TURNED)
    messages.set_stamp(message.header.stamp, tick * PERIOD_NS)
    return message


def test_the_truth_is_judged_once_the_tracker_has_come_as_far(start: Callable[..., Referee]) -> None:
    """Protects the farm: scores are the truth's, and a run in lockstep repeats, for no node is left behind."""
    node = start(object_pose="truth").node
    for tick in range(1, 10):
        node.on_truth(placed(ON_PALM, tick))
        assert messages.nanoseconds(node.status.header.stamp) == (tick - 1) * PERIOD_NS
        node.on_tracked(placed(ON_FLOOR, tick))
        assert messages.nanoseconds(node.status.header.stamp) == tick * PERIOD_NS
    assert node.status.state == TrialStatus.RUNNING, "the truth says that it lies on the palm"
    node.on_truth(placed(ON_FLOOR, 10))
    node.on_tracked(placed(ON_PALM, 10))
    assert node.status.reason == "dropped"


def test_in_real_time_a_step_is_judged_by_its_first_pose(start: Callable[..., Referee]) -> None:
    """Protects the referee against poses skipped between two looks: the step's own is judged, not the newest."""
    node = start(lockstep="false").node
    publisher = node.create_publisher(PoseStamped, topics.MOCAP_POSE, messages.SENSOR)
    deadline = time.monotonic() + 10.0
    while node.pose is None:  # until they have found each other
        assert time.monotonic() < deadline
        publisher.publish(placed(ON_PALM, 1))
        time.sleep(0.02)
        node.on_grace()
    judged: list[int] = []
    node._tick = judged.append
    for eighths in range(8, 25):  # a tracker's, eight times as often as the policy acts
        message = placed(ON_PALM, 0)
        messages.set_stamp(message.header.stamp, eighths * PERIOD_NS // 8)
        publisher.publish(message)
    until = time.monotonic() + 10.0
    while messages.nanoseconds(node.pose.header.stamp) < 3 * PERIOD_NS:
        assert time.monotonic() < until
        node.on_grace()
    assert judged == [2 * PERIOD_NS, 3 * PERIOD_NS]


def test_a_given_goal_is_each_trials_first(start: Callable[..., Referee]) -> None:
    """Protects jobs that ask for one goal: with max_successes 1 it is the only one."""
    turned = quaternion.from_rotation_vector(np.array([0.0, 1.0, 0.0]))
    referee = start(goal=[0.0, 0.0, 0.3, *turned.tolist()], max_successes=1, trials=2)
    for _ in range(2):
        referee.begin()
        np.testing.assert_allclose(referee.goal, turned, atol=1e-12)
        assert referee.show(ON_PALM, turned).reason == "complete"
    assert [result.successes for result in referee.node.results] == [1, 1]


def test_rules_may_be_others_than_the_tasks(start: Callable[..., Referee]) -> None:
    """What is configured by itself goes before them."""
    node = start(rules="'{max_successes: 3, timeout: 7.0}'", timeout=5.0).node
    assert (node.rules.max_successes, node.rules.timeout) == (3, 5.0)
    assert node.rules.tolerances == (0.4,)  # the task's


def test_rules_that_there_are_not_end_the_node(start: Callable[..., Referee]) -> None:
    with pytest.raises(DactylError, match=r"unknown key rules\.kindness"):
        start(rules="'{kindness: 3}'")


@pytest.mark.parametrize("goal", [[0.0, 0.0, 0.3], [0.0] * 7, [1.0]])
def test_a_goal_that_is_no_pose_is_refused(goal: list[float], start: Callable[..., Referee]) -> None:
    with pytest.raises(DactylError, match="goal"):
        start(goal=goal)


def test_a_reached_goal_counts_and_gives_the_next(start: Callable[..., Referee]) -> None:
    """Protects the paper's figure of merit: within 0.4 rad is reached, a little more is not."""
    referee = start()
    referee.begin()
    near = quaternion.multiply(quaternion.from_rotation_vector(np.array([0.41, 0.0, 0.0])), referee.goal)
    assert referee.show(ON_PALM, near).successes == 0
    assert referee.node.status.angle_to_goal == pytest.approx(0.41, abs=1e-6)
    near = quaternion.multiply(quaternion.from_rotation_vector(np.array([0.39, 0.0, 0.0])), referee.goal)
    status = referee.show(ON_PALM, near)
    assert status.successes == 1
    assert len(referee.goals) == 2
    assert status.goal_stamp == referee.goals[1].header.stamp


@pytest.mark.parametrize(
    ("reason", "position", "ticks", "goals"),
    [("dropped", ON_FLOOR, 1, 0), ("timeout", ON_PALM, 10, 0), ("complete", None, 2, 2)],
)
def test_what_ends_a_trial(
    start: Callable[..., Referee], reason: str, position: np.ndarray | None, ticks: int, goals: int
) -> None:
    """Protects the three ends of section 6.2, and that the next trial waits for its object."""
    referee = start(timeout=0.8, max_successes=2)
    referee.begin()
    for _ in range(ticks):
        assert referee.node.status.state == TrialStatus.RUNNING
        referee.show(ON_PALM if position is None else position, referee.goal if position is None else None)
    status = referee.node.status
    assert (status.reason, status.state, status.trial) == (reason, TrialStatus.AWAITING_OBJECT, 1)
    (result,) = referee.node.results
    assert (result.successes, result.goals_presented) == (goals, max(goals, 1))
    assert result.seconds == pytest.approx(0.08 * ticks)


def test_an_object_out_of_sight_is_dropped_after_a_second(start: Callable[..., Referee]) -> None:
    """Protects against a trial that goes on without an object, and from ending at the first hidden marker."""
    referee = start(max_pose_age=1.0)
    referee.begin()
    last_ns = referee.tick * PERIOD_NS
    for step in range(1, 15):
        assert referee.node.status.state == TrialStatus.RUNNING, step
        referee.node._tick(last_ns + step * PERIOD_NS)
        if step * PERIOD_NS > 1e9:
            break
    assert referee.node.status.reason == "dropped"


def test_a_pose_without_a_rotation_reaches_no_goal(start: Callable[..., Referee]) -> None:
    """Protects the count from NaN."""
    referee = start()
    referee.begin()
    status = referee.show(ON_PALM, np.full(4, np.nan))
    assert (status.state, status.successes) == (TrialStatus.RUNNING, 0)
    assert np.isnan(status.angle_to_goal)


def test_goals_depend_on_seed_and_trial_only(start: Callable[..., Referee]) -> None:
    """Protects repeatable runs."""
    referee = start(seed=7)
    referee.begin()
    first = referee.goal
    expected = np.random.default_rng([7, 0]).standard_normal(4)
    np.testing.assert_allclose(first, quaternion.uniform(expected), atol=1e-9)
    referee.show(ON_FLOOR)
    referee.begin()
    assert quaternion.difference_angle(first, referee.goal) > 0.01


def test_results_of_counted_trials_are_written_and_end_the_node(start: Callable[..., Referee], tmp_path: Path) -> None:
    """Protects `./dactyl sim --trials 2 --json`."""
    referee = start(trials=2, timeout=0.8, seed=3, report=str(tmp_path / "out.json"))
    for goals in (1, 0):
        referee.begin()
        for _ in range(goals):
            referee.show(ON_PALM, referee.goal)
        referee.show(ON_FLOOR)
        meanwhile = json.loads((tmp_path / "out.json").read_text())["results"]
        assert meanwhile.get("incomplete") == ({"asked": 2} if goals else None), "ctrl-C loses no trial that has ended"
    assert referee.node.finished
    assert referee.node.status.state == TrialStatus.FINISHED
    document = json.loads((tmp_path / "out.json").read_text())
    assert (document["command"], document["seed"]) == ("sim", 3)
    outcome = document["results"]
    assert outcome["trials"] == [
        {"successes": 1, "reason": "dropped", "seconds": 0.16},
        {"successes": 0, "reason": "dropped", "seconds": 0.08},
    ]
    assert (outcome["mean"], outcome["std"], outcome["median"]) == pytest.approx((0.5, 0.5**0.5, 0.5))
    assert (outcome["goals_reached"], outcome["goals_presented"]) == (1, 3)


def test_a_report_that_cannot_be_written_is_refused_at_start(start: Callable[..., Referee]) -> None:
    """Protects an hour of trials from a typing error in a path."""
    with pytest.raises(DactylError, match="there is no folder /nowhere"):
        start(report="/nowhere/out.json")


def test_a_reset_ends_the_trial_and_does_not_count(start: Callable[..., Referee]) -> None:
    """Protects statistics from trials that a person broke off."""
    referee = start(trials=1)
    referee.begin()
    assert referee.node.on_reset(Trigger.Request(), Trigger.Response()).success
    status = referee.node.status
    assert (status.state, status.reason, status.trial) == (TrialStatus.AWAITING_OBJECT, "reset", 1)
    assert referee.node.results == []
    assert not referee.node.on_reset(Trigger.Request(), Trigger.Response()).success


def test_a_goal_can_be_set(start: Callable[..., Referee]) -> None:
    """Protects the service: any length of quaternion, NaN refused, the goal it replaces is not counted twice."""
    referee = start()
    request = SetGoal.Request(orientation=Quaternion(w=0.0, y=-2.0))
    assert not referee.node.on_set_goal(request, SetGoal.Response()).success
    referee.begin()
    assert referee.node.on_set_goal(request, SetGoal.Response()).success
    np.testing.assert_allclose(np.abs(referee.goal), [0, 0, 1, 0])
    stamps = [messages.nanoseconds(goal.header.stamp) for goal in referee.goals]
    assert stamps[1] > stamps[0]
    assert stamps[1] == messages.nanoseconds(referee.node.status.goal_stamp)
    bad = SetGoal.Request(orientation=Quaternion(w=float("nan")))
    assert not referee.node.on_set_goal(bad, SetGoal.Response()).success
    referee.show(ON_FLOOR)
    assert referee.node.results[0].goals_presented == 1
