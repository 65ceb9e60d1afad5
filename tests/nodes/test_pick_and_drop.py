"""Pick-and-drop as a node: the hand it chooses, the goals it shows, the hand that opens, what it counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped, Quaternion
from sensor_msgs.msg import JointState

from dactyl.environment import task as tasks
from dactyl.environment.pick_and_drop import Stage
from dactyl.errors import DactylError
from dactyl.nodes.pick_and_drop import PickAndDrop
from dactyl.robot import control
from dactyl.robot import robot as robots
from dactyl.ros import messages
from dactyl_msgs.msg import TrialStatus

PERIOD_NS = 200_000_000
ROBOT, TASK = robots.load("gr1"), tasks.load("grasp_and_reach")
LEFT, RIGHT = np.array([0.48, 0.2, 0.09]), np.array([0.48, -0.2, 0.09])
DROP_AT = [0.45, -0.3, 0.3]
BELOW = np.array([0.45, -0.28, 0.09])
UNSEEN = np.full(3, np.nan)
SETTLED, FALLEN = 4, 7  # control steps


class Rig:
    """A node that is shown an object and a robot's posture, one of each in a control step; somebody acts."""

    def __init__(self, node: PickAndDrop, recorder: Callable[[], Any]) -> None:
        self.node, self.number = node, 10
        node.goal_publisher, node.action_publisher = recorder(), recorder()
        node.count_publishers = lambda topic: 2
        self.goals, self.actions = node.goal_publisher.messages, node.action_publisher.messages
        self.angles = np.zeros(len(ROBOT.joints))

    def show(self, position: np.ndarray, steps: int = 1) -> TrialStatus:
        for _ in range(steps):
            self.number += 1
            pose, joints = PoseStamped(), JointState(name=[ROBOT.ros_name(joint) for joint in ROBOT.joints])
            messages.set_point(pose.pose.position, position)
            pose.pose.orientation = Quaternion(x=0.0, y=0.0, z=0.0, w=0.0)  # as a locator has it
            joints.position = self.angles.tolist()
            for message in (pose, joints):
                messages.set_stamp(message.header.stamp, self.number * PERIOD_NS)
            if np.isfinite(position).all():
                self.node.on_pose(pose)
            self.node.on_joint_states(joints)
            self.node.tick(self.number * PERIOD_NS)
        return self.node.status

    def carry(self, start: np.ndarray = RIGHT) -> None:
        """Until the object was picked up and is on its way."""
        self.show(start, SETTLED)
        assert self.node.progress.stage is Stage.PICK
        assert self.show(self.place).successes == 1

    def let_go(self) -> None:
        """Until it is where it is to be dropped."""
        self.carry()
        assert self.show(np.array(DROP_AT)).state == TrialStatus.FINISHED

    def open_hands(self) -> None:
        for actuator, position in ROBOT.opened.items():
            self.angles[ROBOT.joints.index(actuator)] = position

    @property
    def place(self) -> np.ndarray:
        return messages.position(self.goals[-1].pose)

    @property
    def hand(self) -> float:
        """1 the left one, -1 the right one."""
        goal = TASK.goal_of_pose(self.place, messages.orientation(self.goals[-1].pose.orientation))
        return float(np.round(goal[3], 6))


@pytest.fixture
def start(make_node: Callable[..., PickAndDrop], recorder: Callable[[], Any]) -> Callable[..., Rig]:
    def start(**parameters: Any) -> Rig:
        usual = {
            "robot": "gr1", "task": "grasp_and_reach", "drop_at": DROP_AT, "action_origin": "middle",
            "settle_time": 0.7, "fall_time": 1.1,
        }  # fmt: skip
        return Rig(make_node(PickAndDrop, **{**usual, **parameters}), recorder)

    return start


@pytest.mark.parametrize(("where", "hand"), [(LEFT, 1.0), (RIGHT, -1.0)])
def test_the_hand_on_the_objects_side_is_chosen_and_keeps_it(
    start: Callable[..., Rig], where: np.ndarray, hand: float
) -> None:
    """The paper's scripted choice, by what is seen; the way to the other side does not change hands."""
    rig = start()
    assert rig.show(where, SETTLED - 1).state == TrialStatus.AWAITING_OBJECT
    assert rig.goals == []
    assert rig.show(where).state == TrialStatus.RUNNING
    assert rig.hand == hand
    assert rig.place[2] > 0.2
    assert rig.node.status.goal_stamp == rig.goals[-1].header.stamp
    rig.show(rig.place)
    assert rig.node.progress.stage is Stage.CARRY
    assert rig.hand == hand


def test_goals_lead_to_the_place_by_strides(start: Callable[..., Rig]) -> None:
    """Protects policies from goals further away than they were trained with."""
    rig = start(stride=0.05)
    rig.carry(LEFT)
    where = rig.place
    for _ in range(40):
        where = rig.place
        if rig.show(where).state != TrialStatus.RUNNING:
            break
        assert np.linalg.norm(rig.place - where) <= 0.05 + 1e-9
    assert rig.node.progress.stage is Stage.RELEASE
    assert np.linalg.norm(where - DROP_AT) < TASK.rules.tolerances[0]


def test_an_object_that_is_hidden_on_the_way_is_neither_there_nor_lost(start: Callable[..., Rig]) -> None:
    rig = start(max_pose_age=0.3)
    rig.carry()
    status = rig.show(UNSEEN, 10)
    assert (status.state, status.successes) == (TrialStatus.RUNNING, 1)
    np.testing.assert_allclose(rig.place, DROP_AT, err_msg="the goal is the end of the way")
    assert np.isnan(status.angle_to_goal)


def test_a_stale_position_is_picked_by_nobody(start: Callable[..., Rig]) -> None:
    rig = start(max_pose_age=0.3)
    rig.show(RIGHT, 1)
    assert rig.show(UNSEEN, 20).state == TrialStatus.AWAITING_OBJECT


def test_without_somebody_who_acts_nothing_begins(start: Callable[..., Rig]) -> None:
    rig = start()
    rig.node.count_publishers = lambda topic: 1
    assert rig.show(RIGHT, 20).state == TrialStatus.AWAITING_OBJECT


@pytest.mark.parametrize(("origin", "scale"), [("middle", 1.0), ("current", 0.15)])
def test_the_hands_open_and_the_arms_stay(start: Callable[..., Rig], origin: str, scale: float) -> None:
    """Protects what the policy was doing with the other arm, and the order of actions in filter and driver."""
    rig = start(action_origin=origin, action_scale=scale)
    closed = ROBOT.joint_limits[:, 0].copy()
    rig.angles = np.where([joint in ROBOT.opened for joint in ROBOT.joints], closed, 0.1)
    rig.let_go()
    assert rig.actions == [], "the policy may have acted in this step"
    rig.show(np.array(DROP_AT), 2)
    first, second = rig.actions
    assert (first.sequence, second.sequence) == (0, 1)
    assert (len(first.start), len(second.start)) == (len(ROBOT.actuators), 0)
    assert first.robot == "gr1"
    positions, limits = ROBOT.actuator_positions(rig.angles), ROBOT.actuator_limits
    targets = control.target(positions, np.array(first.action), limits, origin, scale)
    for i, actuator in enumerate(ROBOT.actuators):
        if actuator not in ROBOT.opened:
            assert targets[i] == pytest.approx(positions[i], abs=1e-5)
        elif origin == "middle":
            assert targets[i] == pytest.approx(ROBOT.opened[actuator], abs=1e-5)
        else:
            assert abs(targets[i] - ROBOT.opened[actuator]) <= abs(positions[i] - ROBOT.opened[actuator]) + 1e-6
    still = control.target(positions, np.array(first.start), limits, origin, scale)
    np.testing.assert_allclose(still, positions, atol=1e-5)


@pytest.mark.parametrize("broken", ["nan", "missing"])
def test_without_joint_states_nothing_is_asked_of_the_robot(start: Callable[..., Rig], broken: str) -> None:
    rig = start()
    rig.let_go()
    rig.angles = rig.angles[:-1] if broken == "missing" else np.full(len(ROBOT.joints), np.nan)
    assert rig.show(np.array(DROP_AT), 3).state == TrialStatus.FINISHED
    assert rig.actions == []


def test_a_round_is_complete_when_the_object_lies_below_the_place(start: Callable[..., Rig], tmp_path: Path) -> None:
    report = tmp_path / "rounds.json"
    rig = start(trials=2, report=str(report))
    for number in range(2):
        rig.let_go()
        rig.open_hands()
        status = rig.show(BELOW, FALLEN)
        assert (status.state, status.reason, status.trial) == (TrialStatus.AWAITING_OBJECT, "complete", number + 1)
        assert rig.node.finished == (number == 1)
    found = json.loads(report.read_text())["results"]
    assert [(trial["successes"], trial["reason"]) for trial in found["trials"]] == [(3, "complete")] * 2
    assert (found["complete"], found["mean"], found["drop_at"]) == (2, 3.0, DROP_AT)
    assert found["trials"][0]["seconds"] > 0.0


@pytest.mark.parametrize(
    "where", [np.array([0.75, -0.28, 0.09]), np.array(DROP_AT), UNSEEN], ids=["aside", "held", "unseen"]
)
def test_what_does_not_lie_there_was_not_dropped_there(start: Callable[..., Rig], where: np.ndarray) -> None:
    rig = start(max_pose_age=0.3)
    rig.let_go()
    rig.open_hands()
    assert rig.show(where, FALLEN).reason == "dropped"
    assert [ended.stages for ended in rig.node.rounds] == [2]


def test_what_is_not_picked_up_in_time_is_left_and_the_hand_opens(start: Callable[..., Rig]) -> None:
    rig = start(rules="'{timeout: 1.1}'")
    rig.show(RIGHT, SETTLED)
    assert rig.show(RIGHT, 6).state == TrialStatus.FINISHED
    rig.open_hands()
    assert rig.show(RIGHT, FALLEN).reason == "timeout"
    assert [ended.stages for ended in rig.node.rounds] == [0]


def test_what_falls_off_the_table_ends_the_round(start: Callable[..., Rig]) -> None:
    rig = start()
    rig.carry()
    assert rig.show(np.array([0.48, -0.2, -0.5])).state == TrialStatus.FINISHED
    rig.open_hands()
    assert rig.show(np.array([0.48, -0.2, -0.5]), FALLEN).reason == "dropped"
    assert [ended.stages for ended in rig.node.rounds] == [1]


def test_what_cannot_open_is_refused(make_node: Callable[..., PickAndDrop]) -> None:
    with pytest.raises(DactylError, match="the robot shadow has no hand that could be told to open"):
        make_node(PickAndDrop)
