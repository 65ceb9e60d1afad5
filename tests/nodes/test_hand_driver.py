"""From messages to targets, and what people can call. The rules have their own tests: tests/hardware/test_safety.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool
from std_srvs.srv import SetBool, Trigger

from dactyl.errors import DactylError
from dactyl.nodes.hand_driver import HandDriver
from dactyl.robot.driver import JointStates
from dactyl.robot.safety import HOLDING, RUNNING, STOPPED
from dactyl.robots.shadow.joints import ACTUATORS, JOINTS, ros_joint_name
from dactyl.robots.shadow.ros import decode
from dactyl.ros import messages
from dactyl_msgs.msg import HandAction

MS = 1_000_000
NAMES = [ros_joint_name(joint) for joint in JOINTS]


class Bench:
    """A driver with a clock of the test's own, and its last targets: all actuators, and how often they were sent."""

    def __init__(self, driver: HandDriver) -> None:
        self.driver, self.now = driver, 1000 * MS
        driver.monotonic_ns = lambda: self.now
        self.targets = np.full(len(ACTUATORS), np.nan)
        self.stamps: set[int] = set()
        self.sent = 0
        self.topics = list(driver.hand.publishers)
        for topic in self.topics:
            driver.hand.publishers[topic] = self._publisher(topic)

    def _publisher(self, topic: str) -> Any:
        bench = self

        class Publisher:
            def publish(self, data: bytes) -> None:
                command = decode(topic, data)
                bench.targets[command.actuators] = command.targets
                bench.stamps.add(command.stamp_ns)
                bench.sent += topic == bench.topics[0]

        return Publisher()

    def read(self, angle: float = 0.1, **fields: Any) -> None:
        message = JointState(**{"name": NAMES, "position": [angle] * len(NAMES), **fields})
        messages.set_stamp(message.header.stamp, self.now)
        self.driver.hand._receive(message)

    def act(self, sequence: int = 0, value: float = 0.2) -> None:
        message = HandAction(robot="shadow", sequence=sequence, action=[value] * len(ACTUATORS))
        messages.set_stamp(message.header.stamp, self.now)
        self.driver.on_action(message)

    def cycles(self, count: int, angle: float = 0.1) -> None:
        for _ in range(count):
            self.now += 8 * MS
            self.read(angle)
            self.driver.cycle()


@pytest.fixture
def bench(make_node: Callable[..., HandDriver]) -> Bench:
    return Bench(make_node(HandDriver, enable_at_start="true"))


def test_targets_are_streamed_every_cycle_and_then_held(bench: Bench) -> None:
    """Protects the 125 Hz stream, and the hand from a silent policy: the driver holds it and says so."""
    bench.read()
    bench.act()
    wanted = bench.targets.copy()
    bench.cycles(15, angle=0.2)
    assert bench.sent == 16
    np.testing.assert_array_equal(bench.targets, wanted)
    assert bench.driver.diagnose().message == RUNNING
    bench.cycles(10, angle=0.2)
    assert bench.sent == 26
    np.testing.assert_allclose(bench.targets[ACTUATORS.index("FFJ3")], 0.2)
    assert bench.driver.diagnose().message == HOLDING
    bench.act(sequence=1)
    assert bench.driver.diagnose().message == RUNNING


@pytest.mark.parametrize(("lockstep", "stamp"), [("false", 0), ("true", 1000 * MS)])
def test_trajectories_begin_now_but_in_lockstep_at_their_tick(
    make_node: Callable[..., HandDriver], lockstep: str, stamp: int
) -> None:
    """Protects the real hand from targets that its controllers drop because they lie in the past."""
    bench = Bench(make_node(HandDriver, enable_at_start="true", lockstep=lockstep))
    bench.read()
    bench.act()
    assert bench.stamps == {stamp}


def test_the_services_enable_stop_and_reset(make_node: Callable[..., HandDriver]) -> None:
    """Protects people's fingers: every way to let the hand move, and to stop it."""
    driver = make_node(HandDriver)
    bench = Bench(driver)

    def enable(data: bool) -> SetBool.Response:
        return driver.on_enable(SetBool.Request(data=data), SetBool.Response())

    assert not enable(True).success
    bench.read()
    bench.act()
    assert bench.sent == 0
    assert enable(True).success
    bench.cycles(1)
    assert bench.sent == 0, "an action from before counts no more"
    bench.act(sequence=1)
    assert bench.sent == 1
    assert enable(False).success
    assert bench.sent == 2, "it is held once more"
    bench.cycles(5)
    assert bench.sent == 2

    enable(True)
    bench.act(sequence=2)
    driver.on_emergency_stop(Bool(data=False))
    assert driver.diagnose().message == RUNNING
    driver.on_emergency_stop(Bool(data=True))
    np.testing.assert_allclose(bench.targets[ACTUATORS.index("FFJ3")], 0.1)
    assert driver.diagnose().level == DiagnosticStatus.ERROR
    assert driver.diagnose().message == "stopped: emergency_stop"
    assert not enable(True).success
    assert driver.on_reset(Trigger.Request(), Trigger.Response()).success
    assert enable(True).success
    bench.cycles(1)
    bench.act(sequence=3)
    assert driver.on_stop(Trigger.Request(), Trigger.Response()).success
    assert driver.safety.state == STOPPED


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"position": [float("nan")] + [0.0] * 23}, "joint states not finite"),
        ({"position": [0.0] * 23}, "joint states of wrong length"),
        ({"name": NAMES[:-1], "position": [0.0] * 23}, "joint states without rh_THJ1"),
        ({"name": [], "position": []}, "joint states without rh_FFJ1"),
    ],
)
def test_joint_states_that_cannot_be_trusted_are_counted(bench: Bench, fields: dict[str, Any], reason: str) -> None:
    """Protects the hand from targets computed from nonsense, and tells whoever looks for the reason."""
    bench.read(**fields)
    bench.act()
    assert bench.sent == 0
    assert bench.driver.diagnose().values[reason] == 1


def test_what_is_refused_shows_in_the_diagnostics(bench: Bench) -> None:
    """Protects against a graph that quietly loses actions."""
    bench.read()
    bench.act(value=float("nan"))
    bench.act(value=1.5)
    found = bench.driver.diagnose()
    assert (found.message, found.level) == ("messages were refused", DiagnosticStatus.WARN)
    assert (found.values["not finite"], found.values["out of range"]) == (1, 1)
    assert bench.sent == 0


def test_joints_are_found_by_name(bench: Bench) -> None:
    """Protects against a driver of the hand that lists the joints in another order."""
    angles = dict(zip(NAMES, np.linspace(0.0, 0.23, 24).tolist(), strict=True))
    shuffled = sorted(NAMES, reverse=True)
    bench.read(name=shuffled, position=[angles[name] for name in shuffled])
    bench.act(value=0.0)
    np.testing.assert_allclose(bench.targets[ACTUATORS.index("THJ2")], angles["rh_THJ2"])
    np.testing.assert_allclose(bench.targets[ACTUATORS.index("MFJ0")], angles["rh_MFJ1"] + angles["rh_MFJ2"])


def test_efforts_reach_their_limits(make_node: Callable[..., HandDriver]) -> None:
    """Protects tendons: efforts come with the joint states, by name."""
    bench = Bench(make_node(HandDriver, enable_at_start="true", max_effort="[300.0]", overload_after="0.0"))
    bench.read(effort=[-299.0] * 24)
    bench.cycles(2)
    assert not bench.driver.safety.stopped
    for _ in range(2):
        bench.now += 8 * MS
        bench.read(effort=[*[0.0] * 23, 301.0])
    assert bench.driver.safety.stopped == "effort of rh_THJ1 above 300"


def test_temperatures_reach_their_limits(make_node: Callable[..., HandDriver]) -> None:
    """Protects motors: temperatures come by name in the diagnostics of Shadow's driver."""
    bench = Bench(make_node(HandDriver, enable_at_start="true", max_temperature="[65.0]"))
    bench.read()
    status = DiagnosticStatus(name="rh SRDMotor THJ5", values=[KeyValue(key="Temperature", value="71.5")])
    bench.driver.hand._receive_diagnostics(DiagnosticArray(status=[DiagnosticStatus(name="camera"), status]))
    assert bench.driver.safety.stopped.startswith("motor of THJ5 at 72")


def test_a_wrong_number_of_limits_is_refused(make_node: Callable[..., HandDriver]) -> None:
    """Protects against limits that are some other joint's."""
    with pytest.raises(DactylError, match="max_effort must have 1 or 24 elements, not 20"):
        make_node(HandDriver, max_effort=[1.0] * 20)


def test_words_that_the_robots_driver_does_not_know_are_refused(make_node: Callable[..., HandDriver]) -> None:
    """Protects whoever edits the parameter file: one line that says what there is."""
    with pytest.raises(DactylError, match="parameter interface = 'torque' is none of: trajectory, position"):
        make_node(HandDriver, interface="torque")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"robot": "trifinger"}, "actions for another robot"),
        ({"action": [0.1] * 19}, "19 numbers for 20 actuators"),
        ({"action": []}, "0 numbers for 20 actuators"),
        ({"action": [float("nan")] * 20}, "not finite"),
    ],
)
def test_actions_that_are_not_this_robots_do_not_move_it(bench: Bench, changes: dict[str, Any], reason: str) -> None:
    """Protects the hand: actions have no fixed length, so each is checked against the robot."""
    bench.read()
    bench.driver.on_action(HandAction(**{"robot": "shadow", "action": [0.1] * 20, **changes}))
    assert bench.sent == 0
    assert bench.driver.diagnose().values[reason] == 1


def test_stamps_can_be_taken_at_arrival(make_node: Callable[..., HandDriver]) -> None:
    """Protects against a hand's computer whose clock is not in step: its stamps are not used."""
    bench = Bench(make_node(HandDriver, enable_at_start="true", joint_states_clock="arrival"))
    bench.read()  # stamped in 1970
    action = HandAction(robot="shadow", action=[0.0] * len(ACTUATORS))
    action.header.stamp = bench.driver.get_clock().now().to_msg()
    bench.driver.on_action(action)
    assert bench.sent == 1


def test_ending_holds_the_hand(bench: Bench) -> None:
    """Protects a hand whose driver is told to end: it does not go on to its last target."""
    bench.read()
    bench.act()
    bench.cycles(1, angle=0.3)
    bench.driver.destroy_node()
    np.testing.assert_allclose(bench.targets[ACTUATORS.index("FFJ3")], 0.3)


def test_position_controllers_get_one_command_each(make_node: Callable[..., HandDriver]) -> None:
    """Protects the second of Shadow's interfaces."""
    bench = Bench(make_node(HandDriver, enable_at_start="true", interface="position"))
    assert len(bench.topics) == 20
    bench.read()
    bench.act()
    assert np.isfinite(bench.targets).all()


def test_rosbridge_is_the_other_transport(
    make_node: Callable[..., HandDriver], recorder: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects recorder and monitor: joint states that come by rosbridge are in ROS 2 too. What is lost is said."""
    published = recorder()
    monkeypatch.setattr(HandDriver, "create_publisher", lambda *_: published)
    driver = make_node(HandDriver, transport="rosbridge", rosbridge_address="127.0.0.1:9")
    driver.hand._on_joint_states(JointStates(5_000_000_007, NAMES, [0.1] * 24, []))
    message = next(found for found in published.messages if isinstance(found, JointState))
    assert (messages.nanoseconds(message.header.stamp), list(message.name)) == (5_000_000_007, NAMES)
    assert list(message.position) == [0.1] * 24
    assert driver.diagnose().message == "no connection to rosbridge at 127.0.0.1:9"
