"""The exercise as actions: slowly to its start, then its targets tick by tick; a robot that does not come is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sensor_msgs.msg import JointState

from dactyl.bringup.exercise import exercise_graph
from dactyl.bringup.options import ExerciseOptions
from dactyl.calibration.model.bag import read
from dactyl.calibration.model.exercise import exercise_of, motion
from dactyl.nodes.exerciser import RAMP, Exerciser
from dactyl.robot import control
from dactyl.robot import robot as robots
from dactyl.ros import messages

SHADOW = robots.load("shadow")
TARGETS = motion(SHADOW, exercise_of(SHADOW))
TO_ANGLES = np.linalg.pinv(SHADOW.actuation)


@pytest.fixture
def start(make_node: Callable[..., Exerciser], recorder: type[Any]) -> Callable[..., Exerciser]:
    def start(listeners: int = 2, **parameters: Any) -> Exerciser:
        node = make_node(Exerciser, **parameters)
        node.publisher = recorder()
        node.publisher.get_subscription_count = lambda: listeners
        return node

    return start


def joint_states(step: int, angles: np.ndarray) -> JointState:
    message = JointState(name=[SHADOW.ros_name(joint) for joint in SHADOW.joints], position=angles.tolist())
    messages.set_stamp(message.header.stamp, step * 80_000_000)
    return message


def asked(node: Any) -> np.ndarray:
    """(n, 20) rad, the targets that the actions mean."""
    actions = np.array([message.action for message in node.publisher.messages], float)
    return np.asarray(control.target(np.zeros_like(actions), actions, SHADOW.actuator_limits, "middle"))


def test_it_goes_slowly_to_its_start_and_then_plays_the_exercise(start: Callable[..., Exerciser]) -> None:
    node = start(steps=30)
    angles = np.zeros(24)
    for step in range(1, 200):
        if node.finished:
            break
        node.on_joint_states(joint_states(step, angles))
        angles = TO_ANGLES @ asked(node)[-1]  # a robot that follows
    ramp = round(RAMP / 0.08)
    targets = asked(node)
    assert np.abs(np.diff(targets[: ramp + 1], axis=0)).max() < 0.05
    np.testing.assert_allclose(targets[-30:], TARGETS[:30], atol=1e-5)
    assert len(targets) <= ramp + 2 + 30
    assert [message.sequence for message in node.publisher.messages] == list(range(len(targets)))
    assert (len(node.publisher.messages[0].start), len(node.publisher.messages[1].start)) == (20, 0)
    assert (node.finished, node.failure) == (True, None)


def test_readings_between_ticks_ask_for_nothing(start: Callable[..., Exerciser]) -> None:
    node = start()
    for i in range(10):
        message = joint_states(1, np.zeros(24))
        messages.set_stamp(message.header.stamp, 80_000_000 + i * 8_000_000)
        node.on_joint_states(message)
    assert len(node.publisher.messages) == 1


def test_a_robot_that_does_not_move_ends_it_with_a_reason(start: Callable[..., Exerciser]) -> None:
    node = start(patience=5.0)
    for step in range(1, 80):
        node.on_joint_states(joint_states(step, SHADOW.joint_limits[:, 0]))
    assert node.finished
    assert "does not come to where the exercise begins: is the robot enabled" in str(node.failure)


def test_it_waits_until_filter_and_recorder_listen(start: Callable[..., Exerciser]) -> None:
    node = start(listeners=1)
    node.on_joint_states(joint_states(1, np.zeros(24)))
    assert not node.publisher.messages


def test_joint_states_without_a_joint_end_it(start: Callable[..., Exerciser]) -> None:
    node = start()
    message = joint_states(1, np.zeros(24))
    message.name, message.position = message.name[1:], message.position[1:]
    node.on_joint_states(message)
    assert "joint states without rh_WRJ2" in str(node.failure)


@pytest.mark.slow  # 12 s in real time
def test_the_simulated_hand_is_exercised_and_its_bag_can_be_read(run_graph: Callable[..., Any], tmp_path: Path) -> None:
    """Protects the way from the exercise through filter, driver, hand and recorder to what is calibrated from."""
    options = ExerciseOptions(simulated=True, steps=60)
    with run_graph(exercise_graph(options, tmp_path / "bag")) as running:
        running.until(lambda: running.code is not None)
    assert running.code == 0, running.text
    recording = read(tmp_path / "bag")
    assert recording.seconds > 6.0
    told = recording.targets[:: SHADOW.timing.substeps]
    played = min(np.abs(told[i : i + 59] - TARGETS[:59]).max() for i in range(len(told) - 59))
    assert played < 1e-3
    assert np.ptp(recording.angles[:, 1]) > 0.5
