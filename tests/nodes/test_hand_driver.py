"""From actions to targets, and what the driver refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool

from dactyl.hand.joints import ACTUATOR_LIMITS, ACTUATORS, JOINTS, ros_joint_name
from dactyl.nodes import _support as ros
from dactyl.nodes._shadow import decode
from dactyl.nodes.hand_driver import HandDriver
from dactyl_msgs.msg import HandAction

MS = 1_000_000
NAMES = [ros_joint_name(joint) for joint in JOINTS]
REACH = 0.5 * (ACTUATOR_LIMITS[:, 1] - ACTUATOR_LIMITS[:, 0])


class Recorder:
    """In the publishers' place: the last targets of all actuators, and how often they were sent."""

    def __init__(self, driver: HandDriver) -> None:
        self.targets = np.full(len(ACTUATORS), np.nan)
        self.sent = 0
        self.topics = list(driver.command_publishers)
        for topic in self.topics:
            driver.command_publishers[topic] = self._publisher(topic)

    def _publisher(self, topic: str) -> Any:
        recorder = self

        class Publisher:
            def publish(self, data: bytes) -> None:
                command = decode(topic, data)
                recorder.targets[command.actuators] = command.targets
                recorder.sent += topic == recorder.topics[0]

        return Publisher()


def joint_states(stamp_ns: int, angle: float = 0.1, **fields: Any) -> JointState:
    message = JointState(**{"name": NAMES, "position": [angle] * len(NAMES), **fields})
    ros.set_stamp(message.header.stamp, stamp_ns)
    return message


def action(stamp_ns: int, sequence: int = 0, value: float = 0.2) -> HandAction:
    message = HandAction(sequence=sequence, action=np.full(len(ACTUATORS), value, np.float32))
    ros.set_stamp(message.header.stamp, stamp_ns)
    return message


@pytest.fixture
def driver(make_node: Callable[..., HandDriver]) -> HandDriver:
    return make_node(HandDriver, enable_at_start="true")


def test_targets_start_from_the_angles_at_the_actions_tick(driver: HandDriver) -> None:
    """Protects the meaning of a relative action (appendix C.1): neither newer nor older angles count."""
    recorder = Recorder(driver)
    for stamp, angle in ((72 * MS, 0.3), (80 * MS, 0.1), (88 * MS, 0.5)):
        driver.on_joint_states(joint_states(stamp, angle))
    driver.on_action(action(84 * MS))
    positions = np.where([name.endswith("J0") for name in ACTUATORS], 0.2, 0.1)
    expected = np.clip(positions + 0.2 * REACH, ACTUATOR_LIMITS[:, 0], ACTUATOR_LIMITS[:, 1])
    np.testing.assert_allclose(recorder.targets, expected, atol=1e-6)
    assert (recorder.targets <= ACTUATOR_LIMITS[:, 1]).all()


def test_targets_are_streamed_with_the_joint_states_and_held(driver: HandDriver) -> None:
    """Protects the hand from a silent policy: the targets stay, and the driver says so."""
    recorder = Recorder(driver)
    driver.on_joint_states(joint_states(80 * MS))
    driver.on_action(action(80 * MS))
    first = recorder.targets.copy()
    for step in range(1, 40):
        driver.on_joint_states(joint_states(80 * MS + step * 8 * MS, angle=0.4))
    assert recorder.sent == 40
    np.testing.assert_array_equal(recorder.targets, first)
    assert driver.diagnose().message == "holding"
    driver.on_action(action(392 * MS, sequence=1))
    assert driver.diagnose().message == "running"
    assert not np.array_equal(recorder.targets, first)


def test_nothing_moves_before_it_is_enabled(make_node: Callable[..., HandDriver]) -> None:
    """Protects people's fingers."""
    driver = make_node(HandDriver)
    recorder = Recorder(driver)
    driver.on_joint_states(joint_states(80 * MS))
    driver.on_action(action(80 * MS))
    assert recorder.sent == 0
    assert driver.on_enable(SetBool.Request(data=True), SetBool.Response()).success
    driver.on_joint_states(joint_states(160 * MS))
    assert recorder.sent == 0, "an action from before counts no more"
    driver.on_action(action(160 * MS, sequence=1))
    assert recorder.sent == 1
    driver.on_enable(SetBool.Request(data=False), SetBool.Response())
    driver.on_joint_states(joint_states(168 * MS))
    driver.on_action(action(240 * MS, sequence=2))
    assert recorder.sent == 1


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"position": [float("nan")] + [0.0] * 23}, "joint states not finite"),
        ({"position": [0.0] * 23}, "joint states of wrong length"),
        ({"name": NAMES[:-1], "position": [0.0] * 23}, "joint states without rh_THJ1"),
    ],
)
def test_joint_states_that_cannot_be_trusted_are_refused(
    driver: HandDriver, fields: dict[str, Any], reason: str
) -> None:
    """Protects the hand from targets computed from nonsense; refused readings are counted."""
    recorder = Recorder(driver)
    driver.on_joint_states(joint_states(80 * MS, **fields))
    driver.on_action(action(80 * MS))
    assert recorder.sent == 0
    assert driver.diagnose().values[reason] == 1


@pytest.mark.parametrize("value", [float("nan"), 1.5])
def test_actions_that_no_policy_can_mean_are_refused(driver: HandDriver, value: float) -> None:
    """Protects the hand even if the filter is broken."""
    recorder = Recorder(driver)
    driver.on_joint_states(joint_states(80 * MS))
    driver.on_action(action(80 * MS, value=value))
    assert recorder.sent == 0


def test_actions_without_angles_of_their_time_are_refused(driver: HandDriver) -> None:
    """Protects against relative motion from a position the hand left long ago, or was never seen in."""
    recorder = Recorder(driver)
    driver.on_joint_states(joint_states(1000 * MS))
    driver.on_action(action(80 * MS))
    driver.on_action(action(1300 * MS, sequence=1))
    assert recorder.sent == 0
    assert driver.refused == {
        "actions older than the joint angles kept": 1,
        "actions without joint angles of their time": 1,
    }


def test_lockstep_waits_for_the_angles_of_the_tick(make_node: Callable[..., HandDriver]) -> None:
    """Protects repeatability: an action that overtakes the joint states of its tick must not use older ones."""
    driver = make_node(HandDriver, enable_at_start="true", lockstep="true")
    recorder = Recorder(driver)
    driver.on_joint_states(joint_states(80 * MS))
    driver.on_action(action(160 * MS))
    assert recorder.sent == 0
    driver.on_joint_states(joint_states(160 * MS))
    assert recorder.sent == 1


def test_joints_are_found_by_name(driver: HandDriver) -> None:
    """Protects against a driver of the hand that lists the joints in another order."""
    recorder = Recorder(driver)
    angles = dict(zip(NAMES, np.linspace(0.0, 0.23, 24).tolist(), strict=True))
    shuffled = sorted(NAMES, reverse=True)
    driver.on_joint_states(joint_states(80 * MS, name=shuffled, position=[angles[name] for name in shuffled]))
    driver.on_action(action(80 * MS, value=0.0))
    np.testing.assert_allclose(recorder.targets[ACTUATORS.index("THJ2")], angles["rh_THJ2"])
    np.testing.assert_allclose(recorder.targets[ACTUATORS.index("MFJ0")], angles["rh_MFJ1"] + angles["rh_MFJ2"])


def test_position_controllers_get_one_command_each(make_node: Callable[..., HandDriver]) -> None:
    """Protects the second of Shadow's interfaces."""
    driver = make_node(HandDriver, enable_at_start="true", interface="position")
    recorder = Recorder(driver)
    assert len(recorder.topics) == 20
    driver.on_joint_states(joint_states(80 * MS))
    driver.on_action(action(80 * MS))
    assert np.isfinite(recorder.targets).all()
