"""From actions to smoothed ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import rclpy
import torch
from sensor_msgs.msg import JointState

from dactyl.environment.randomization import UnmodeledEffects
from dactyl.environment.randomization.random import Random
from dactyl.environment.randomization.unmodeled_effects import Actuation
from dactyl.errors import DactylError
from dactyl.nodes.action_filter import ActionFilter
from dactyl.robot import backlash, control
from dactyl.robot import robot as robots
from dactyl.robot.control import ActionMeaning
from dactyl.robots.shadow.joints import JOINTS, ros_joint_name
from dactyl.ros import messages
from dactyl_msgs.msg import HandAction


def action(sequence: int = 0, **changes: Any) -> HandAction:
    message = HandAction(**{"robot": "shadow", "sequence": sequence, "action": [0.5] * 20, "bins": [8] * 20, **changes})
    messages.set_stamp(message.header.stamp, (sequence + 1) * 80_000_000)
    return message


@pytest.fixture
def start(make_node: Callable[..., ActionFilter], recorder: type[Any]) -> Callable[..., ActionFilter]:
    def start(**parameters: Any) -> ActionFilter:
        node = make_node(ActionFilter, **parameters)
        node.publisher = recorder()
        return node

    return start


def joint_states(stamp: float, angles: np.ndarray) -> JointState:
    """At that many control steps."""
    message = JointState(name=[ros_joint_name(joint) for joint in JOINTS], position=angles.tolist())
    messages.set_stamp(message.header.stamp, round(stamp * 80_000_000))
    return message


@pytest.mark.parametrize("origin", control.ORIGINS)
def test_actions_are_smoothed_and_slacken_as_in_training(start: Callable[..., ActionFilter], origin: str) -> None:
    """Protects the numbers: the same float32 arithmetic as the environment's effect, and the policy's bins untouched.

    The motion counts that targets command from where the hand is, so an action waits for joint states of its time.
    """
    node = start(backlash="true", smoothing=0.3, action_origin=origin)
    quiet = {"action_noise_uncorrelated": 0.0, "action_noise_correlated": 0.0, "action_noise_multiplicative": 0.0}
    config = UnmodeledEffects(
        **quiet, delay_probability=0.0, joint_offset=0.0, backlash_factor=(1.0, 1.0), backlash_rate_std=0.0
    )
    robot, meaning = robots.load("shadow"), ActionMeaning(origin)
    rates = np.full((20, 2), backlash.NOMINAL)
    training = Actuation(config, 1, robot, Random(0, torch.device("cpu")), meaning=meaning, backlash_rates=rates)
    angles = robot.joint_limits.mean(1)
    smoothed = training.restart(torch.ones(1, dtype=torch.bool), torch.tensor(angles)[None])
    limits = robot.actuator_limits.astype(np.float32)
    levels = [0.5, 0.5, 0.5, -1.0, -1.0]
    for sequence, level in enumerate(levels):
        begin = {"start": smoothed[0].tolist()} if sequence == 0 else {}
        node.on_action(action(sequence, action=[level] * 20, **begin))
        assert len(node.publisher.messages) == sequence, "it waits for the joint angles"
        node.on_joint_states(joint_states(sequence + 0.9, angles))
        assert len(node.publisher.messages) == sequence, "these are older than the action"
        node.on_joint_states(joint_states(sequence + 1, angles))
        smoothed = control.smooth(smoothed, torch.full((1, 20), level), 0.3)
        targets = training.targets(smoothed, torch.tensor(angles)[None])[0].numpy()
        positions = robot.actuator_positions(angles).astype(np.float32)
        sent = node.publisher.messages[-1]
        np.testing.assert_array_equal(
            np.asarray(sent.action), control.action_for(targets, positions, limits, origin).astype(np.float32)
        )
        assert (sent.robot, list(sent.bins)) == ("shadow", [8] * 20)
        angles = angles + 0.01
    node.on_action(action(4, action=[-1.0] * 20))
    assert len(node.publisher.messages) == 6, "whoever repeats an action got no answer to it"


def test_smoothing_starts_where_the_policy_says_that_the_hand_is(start: Callable[..., ActionFilter]) -> None:
    """Protects a hand from a start at mid-range, up to 60 degrees away; and each trial from the one before."""
    node = start(smoothing=0.3)
    for begin, expected in ((np.linspace(-1.0, 1.0, 20), None), (None, 0.15)):
        first = action(0, **({} if begin is None else {"start": begin.tolist()}))
        messages.set_stamp(first.header.stamp, 10**9 if begin is None else 10**8)
        node.on_action(first)
        wanted = 0.15 + 0.7 * begin if expected is None else np.full(20, expected)
        np.testing.assert_allclose(node.publisher.messages[-1].action, wanted, atol=1e-6)


def test_joint_states_that_say_nothing_let_no_action_pass(start: Callable[..., ActionFilter]) -> None:
    node = start(backlash="true")
    node.on_action(action(0))
    for wrong in (joint_states(1, np.full(24, np.nan)), JointState(name=["rh_FFJ1"], position=[0.0])):
        node.on_joint_states(wrong)
    assert not node.publisher.messages
    assert node.diagnose().values["joint states not finite"] == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"robot": "trifinger"}, "for another robot"),
        ({"action": [0.1] * 21}, "21 numbers for 20 actuators"),
        ({"action": []}, "0 numbers for 20 actuators"),
        ({"action": [float("nan")] * 20}, "not finite"),
        ({"start": [float("nan")] * 20}, "not finite"),
        ({"start": [1.5] * 20}, "out of range"),
        ({"start": [0.0] * 3}, "3 numbers for 20 actuators"),
    ],
)
def test_what_is_not_this_robots_goes_no_further(
    start: Callable[..., ActionFilter], changes: dict[str, Any], reason: str
) -> None:
    """Protects whatever is behind the filter: lists in messages may have any length."""
    node = start()
    node.on_action(action(**changes))
    assert not node.publisher.messages
    assert node.diagnose().values[reason] == 1


def test_slack_rates_are_one_for_all_or_two_for_each_actuator(start: Callable[..., ActionFilter]) -> None:
    node = start(backlash_deltas=[float(i + 1) for i in range(40)])
    np.testing.assert_array_equal(node.deltas[1], [3.0, 4.0])


def test_another_number_of_slack_rates_is_refused(start: Callable[..., ActionFilter]) -> None:
    with pytest.raises(DactylError, match="backlash_deltas must have 1 or 40 elements, not 20"):
        start(backlash_deltas=[1.0] * 20)


def test_an_arms_joint_states_are_left_out(make_node: Callable[..., ActionFilter]) -> None:
    """Protects a hand on an arm: its tendons' slack goes by its own joints."""
    node = make_node(ActionFilter, backlash="true")
    node.on_joint_states(JointState(name=["elbow"], position=[1.0]))
    assert not node.gate.refused
    assert node.positions_ns == -1


def test_an_action_takes_the_joint_states_of_its_time_out_of_those_that_have_come(
    start: Callable[..., ActionFilter], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the backlash: where later joint states than the action's have come already, they do not count."""
    node = start(backlash="true")
    publisher = node.create_publisher(JointState, "/joint_states", messages.JOINTS)
    angles = robots.load("shadow").joint_limits.mean(1)
    deadline = time.monotonic() + 10.0
    while node.positions_ns < 0:
        assert time.monotonic() < deadline
        publisher.publish(joint_states(0.5, angles))
        time.sleep(0.02)
        node._look()
    for stamp in (0.9, 1.0, 1.1):
        publisher.publish(joint_states(stamp, angles))
    time.sleep(0.2)
    used: list[int] = []
    monkeypatch.setattr(node, "_publish", lambda *_: used.append(node.positions_ns))
    node.on_action(action(0))
    assert used == [80_000_000]
    assert node.positions_ns == 88_000_000, "the later ones are there for the next action"


def test_an_action_that_is_early_goes_on_once_its_joint_states_have_come(start: Callable[..., ActionFilter]) -> None:
    """Protects the hand from an action that is kept back: the filter looks again by itself."""
    node = start(backlash="true")
    publisher = node.create_publisher(JointState, "/joint_states", messages.JOINTS)
    angles = robots.load("shadow").joint_limits.mean(1)
    node.on_action(action(0))
    deadline = time.monotonic() + 10.0
    while not node.publisher.messages:
        assert time.monotonic() < deadline
        publisher.publish(joint_states(1.0, angles))
        rclpy.spin_once(node, timeout_sec=0.02)
    assert node.again.is_canceled()
