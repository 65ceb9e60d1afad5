"""From messages to targets, and what people can call. The rules have their own tests: tests/robot/test_safety.py."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool
from std_srvs.srv import SetBool, Trigger
from trajectory_msgs.msg import JointTrajectory

from dactyl.errors import DactylError
from dactyl.nodes.hand_driver import HandDriver
from dactyl.robot import robot as robots
from dactyl.robot.driver import Command, JointStates
from dactyl.robot.safety import HOLDING, RUNNING, STOPPED
from dactyl.robots.shadow.joints import ACTUATORS, JOINTS, ros_joint_name
from dactyl.robots.shadow.protocol import TRAJECTORIES
from dactyl.robots.shadow.ros import decode
from dactyl.robots.shadow.topics import FINGERS, WRIST
from dactyl.ros import messages
from dactyl.ros.apart import node_apart
from dactyl_msgs.msg import HandAction

MS = 1_000_000
NAMES = [ros_joint_name(joint) for joint in JOINTS]


class Bench:
    """A driver with a clock of the test's own, and its last targets: all actuators, and how often they were sent."""

    def __init__(self, driver: HandDriver) -> None:
        self.driver, self.now = driver, 1000 * MS
        driver.monotonic_ns = lambda: self.now
        driver.hand.unreachable = str  # type: ignore[method-assign]  # as if the hand's controllers listened
        self.targets = np.full(len(ACTUATORS), np.nan)
        self.stamps: set[int] = set()
        self.sent = 0
        self.fastest = 0.0
        """rad/s of any target, from one command to the next."""
        self.sent_ns: dict[str, int] = {}
        self.own = dict(driver.hand.publishers)
        self.topics = list(driver.hand.publishers)
        for topic in self.topics:
            driver.hand.publishers[topic] = self._publisher(topic)

    def _publisher(self, topic: str) -> Any:
        bench = self

        class Publisher:
            def publish(self, data: bytes) -> None:
                command = decode(topic, data)
                bench.check_speed(topic, command)
                bench.targets[command.actuators] = command.targets
                bench.stamps.add(command.stamp_ns)
                bench.sent += topic == bench.topics[0]

        return Publisher()

    def check_speed(self, topic: str, command: Command) -> None:
        """No command of a test with a `max_rate` is faster than that; who commands nothing for a while begins anew."""
        now, before = self.now, self.sent_ns.get(topic, 0)
        self.sent_ns[topic] = now
        if now - before > 50 * MS or np.isinf(self.driver.settings.max_rate):
            return
        way = np.abs(command.targets - self.targets[command.actuators]).max()
        assert way <= self.driver.settings.max_rate * (now - before) * 1e-9 + 1e-6
        if now > before:
            self.fastest = max(self.fastest, way / (now - before) * 1e9)

    def renew(self) -> Bench:
        """The driver cleaned up and configured again, at the time it is."""
        self.driver.hand.publishers.update(self.own)
        self.driver.trigger_cleanup()  # the bench's clock stands still: a hold does not come to its end
        self.driver.trigger_configure()
        again = Bench(self.driver)
        again.now = self.now
        return again

    def read(self, angle: float = 0.1, **fields: Any) -> None:
        message = JointState(**{"name": NAMES, "position": [angle] * len(NAMES), **fields})
        messages.set_stamp(message.header.stamp, self.now)
        self.driver.hand._receive(message)

    def temperature(self, actuator: str, celsius: str) -> None:
        status = DiagnosticStatus(name=f"rh SRDMotor {actuator}", values=[KeyValue(key="Temperature", value=celsius)])
        self.driver.hand._receive_diagnostics(DiagnosticArray(status=[DiagnosticStatus(name="camera"), status]))

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


@pytest.mark.parametrize(("name", "waits"), [("shadow", 0.15), ("trifinger", 0.09), ("gr1", 0.27)])
def test_a_robot_is_not_held_between_two_actions_in_time(
    make_node: Callable[..., HandDriver], name: str, waits: float
) -> None:
    """Protects a robot that decides five times a second from a hold in every control step."""
    driver = make_node(HandDriver, robot=name)
    assert driver.settings.hold_after == waits
    assert waits > robots.load(name).timing.control
    assert driver.safety.limits.hold_after == waits


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
    for _ in range(2):
        bench.now += 8 * MS
        bench.read(effort=[-299.0] * 24)
    assert not bench.driver.safety.stopped
    for _ in range(2):
        bench.now += 8 * MS
        bench.read(effort=[*[0.0] * 23, 301.0])
    assert bench.driver.safety.stopped == "effort of rh_THJ1 above 300"


def test_temperatures_reach_their_limits(make_node: Callable[..., HandDriver]) -> None:
    """Protects motors: temperatures come by name in the diagnostics of Shadow's driver."""
    bench = Bench(make_node(HandDriver, enable_at_start="true", max_temperature="[65.0]"))
    for actuator in ACTUATORS:
        bench.temperature(actuator, "40")
    bench.read()
    assert bench.driver.safety.enabled
    bench.temperature("THJ5", "71.5")
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


def test_controllers_of_ros2_control_get_trajectories(make_node: Callable[..., HandDriver]) -> None:
    """Protects the third interface: their topics, all joints, and the rate."""
    bench = Bench(make_node(HandDriver, enable_at_start="true", interface="ros2_control", max_rate="5.0"))
    assert bench.topics == list(TRAJECTORIES["ros2_control"])
    bench.read()
    bench.act()
    bench.cycles(20)
    assert np.isfinite(bench.targets).all()
    assert bench.fastest > 0.9 * 5.0


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


def test_the_hands_topics_are_parameters(make_node: Callable[..., HandDriver]) -> None:
    """Protects labs whose hand, bridge or arm names topics otherwise, without a word to any other node."""
    driver = make_node(HandDriver, joint_states="/right/joint_states", commands="/right/fingers /right/wrist")
    until(lambda: driver.count_publishers("/right/fingers") == driver.count_publishers("/right/wrist") == 1)
    assert driver.count_publishers(FINGERS) == driver.count_publishers(WRIST) == 0
    assert driver.count_subscribers("/right/joint_states") == 1
    assert driver.count_subscribers("/joint_states") == 0
    bench = Bench(driver)
    assert bench.topics == [FINGERS, WRIST], "what is on them is told by the robot's own names"
    del driver.hand.unreachable  # type: ignore[attr-defined]
    assert driver.hand.unreachable() == "nobody takes /right/fingers: are the hand's controllers running?"


@pytest.mark.parametrize("commands", ["/right/fingers", "/right/fingers /right/fingers"])
def test_a_topic_for_each_command_is_needed(make_node: Callable[..., HandDriver], commands: str) -> None:
    """Protects the wrist from the fingers' commands."""
    with pytest.raises(DactylError, match=r"parameter commands must have 2 different topics, in place of /rh_traj"):
        make_node(HandDriver, commands=commands)


# ------------------------------------------------------------------------------------------------ who else is there


def test_a_warning_ends_when_its_reason_has(bench: Bench) -> None:
    """Protects people from a warning that is there for ever after one refused message; the count stays."""
    bench.read()
    bench.act(value=float("nan"))
    assert bench.driver.diagnose().message == "messages were refused"
    for sequence in range(1, 160):
        bench.cycles(10)
        bench.act(sequence)
        if sequence % 12 == 0:
            found = bench.driver.diagnose()
    assert (found.message, found.values["not finite"]) == (RUNNING, 1)


def test_an_arm_on_the_same_topic_is_no_fault(bench: Bench) -> None:
    """Protects a hand that is mounted on an arm: the arm's joint states are neither read nor refused."""
    for _ in range(5):
        bench.read(name=["shoulder", "elbow"], position=[3.0, 3.0])
    assert not bench.driver.safety.enabled
    bench.read()
    bench.act()
    assert bench.sent == 1
    assert not bench.driver.safety.refused
    bench.read(name=["elbow", *NAMES], position=[3.0, *[0.1] * 24])
    bench.cycles(1)
    assert not bench.driver.safety.refused


def test_a_burst_of_an_arms_joint_states_does_not_push_the_hands_out(
    make_node: Callable[..., HandDriver], other: Callable[[str], Any]
) -> None:
    """Protects a hand beside an arm that publishes faster: messages wait in a queue until the driver takes them."""
    driver = make_node(HandDriver, tolerated_nodes="/other/arm")
    arm = other("arm").create_publisher(JointState, "/joint_states", 10)
    hand = other("real_hand").create_publisher(JointState, "/joint_states", 10)
    until(lambda: arm.get_subscription_count() == hand.get_subscription_count() == 1)
    executor = SingleThreadedExecutor(context=driver.context)
    executor.add_node(driver)

    def fit_after_a_burst() -> bool:
        hand.publish(JointState(name=NAMES, position=[0.1] * len(NAMES)))
        for _ in range(8):
            arm.publish(JointState(name=["shoulder", "elbow"], position=[3.0, 3.0]))
        time.sleep(0.2)  # all are there before the driver looks
        for _ in range(100):
            executor.spin_once(timeout_sec=0.0)
            if not driver.safety.unfit(driver.monotonic_ns()):
                return True
        return False

    until(fit_after_a_burst)  # again, because a reader may know a writer later than the writer knows it
    executor.shutdown()
    assert not driver.safety.refused


def test_holds_and_moves_are_told_once_in_a_while(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the log of a busy machine from six lines a second."""
    lines: list[str] = []
    monkeypatch.setattr(HandDriver, "get_logger", lambda _: SimpleNamespace(info=lines.append))
    bench.read()
    for sequence in range(20):
        bench.act(sequence)
        bench.cycles(25)
    assert lines == ["actions: the hand moves", "no actions: the hand holds"]


@pytest.fixture
def other(ros_domain: int) -> Iterator[Callable[[str], Any]]:
    """`other(name)` makes another node of the graph, in a context of its own."""
    with ExitStack() as made:
        yield lambda name: made.enter_context(node_apart(name, namespace="/other"))


def until(condition: Callable[[], object], seconds: float = 10.0) -> float:
    """Wait for a condition; how long that took, s."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds
        time.sleep(0.002)
    return time.monotonic() - begun


def test_a_second_commander_stops_the_hand_and_is_named(
    make_node: Callable[..., HandDriver], other: Callable[[str], Any]
) -> None:
    """Protects the hand from two programs that pull it two ways: who came second is told, at once."""
    bench = Bench(make_node(HandDriver, enable_at_start="true", max_rate="5.0"))
    bench.read()
    bench.act()
    bench.cycles(20)
    assert bench.driver.safety.enabled
    second = other("second_driver")
    begun = time.monotonic()
    second.create_publisher(JointTrajectory, WRIST, 10)
    until(lambda: (bench.cycles(1), bench.driver.safety.stopped)[1])
    print(f"stopped {1e3 * (time.monotonic() - begun):.0f} ms after it came")
    assert bench.driver.safety.stopped == f"another node commands the hand on {WRIST}: /other/second_driver"
    assert bench.driver.diagnose().level == DiagnosticStatus.ERROR
    bench.driver.safety.reset()
    refused = bench.driver.on_enable(SetBool.Request(data=True), SetBool.Response())
    assert (refused.success, "/other/second_driver" in refused.message) == (False, True)


def test_two_nodes_with_the_hands_joint_states_refuse_an_enable(
    make_node: Callable[..., HandDriver], other: Callable[[str], Any]
) -> None:
    """Protects a real hand from a simulated one's joint states; an arm's node may be named as one that may."""
    hand, arm = other("real_hand"), other("arm")
    for node in (hand, arm):
        node.create_publisher(JointState, "/joint_states", 10)
    driver = make_node(HandDriver)
    bench = Bench(driver)
    until(lambda: "/other/arm" in driver.hand.conflict() and "/other/real_hand" in driver.hand.conflict())
    bench.read()
    refused = driver.on_enable(SetBool.Request(data=True), SetBool.Response()).message
    assert refused.startswith("2 nodes publish /joint_states: ")
    assert "/other/real_hand" in refused
    assert "/other/arm" in refused
    assert driver.diagnose().level == DiagnosticStatus.ERROR
    driver.hand.peers._tolerated = frozenset(["/other/arm"])  # type: ignore[attr-defined]
    assert driver.on_enable(SetBool.Request(data=True), SetBool.Response()).success


def test_a_second_source_of_joint_states_stops_a_running_hand(
    make_node: Callable[..., HandDriver], other: Callable[[str], Any]
) -> None:
    """Protects a hand that moves from angles of another one, which begins to speak on its topic."""
    other("real_hand").create_publisher(JointState, "/joint_states", 10)
    bench = Bench(make_node(HandDriver, enable_at_start="true", max_rate="5.0"))
    bench.read()
    bench.act()
    bench.cycles(20)
    assert bench.driver.safety.enabled
    simulator = other("simulator")
    begun = time.monotonic()
    simulator.create_publisher(JointState, "/joint_states", 10)
    until(lambda: (bench.cycles(1), bench.driver.safety.stopped)[1])
    print(f"stopped {1e3 * (time.monotonic() - begun):.0f} ms after it came")
    assert bench.driver.safety.stopped.startswith("2 nodes publish /joint_states: ")
    assert "/other/simulator" in bench.driver.safety.stopped


def test_a_hand_that_nobody_drives_is_not_enabled(
    make_node: Callable[..., HandDriver], other: Callable[[str], Any]
) -> None:
    """Protects from "running" without controllers; a recorder that listens is none."""
    driver = make_node(HandDriver, stop_after="0.2")
    bench = Bench(driver)
    del driver.hand.unreachable  # type: ignore[attr-defined]
    bench.read()
    other("recorder").create_subscription(JointTrajectory, FINGERS, print, 10)
    until(lambda: any(found.node_name == "recorder" for found in driver.get_subscriptions_info_by_topic(FINGERS)))
    refused = driver.on_enable(SetBool.Request(data=True), SetBool.Response()).message
    assert refused == f"nobody takes {FINGERS}: are the hand's controllers running?"
    controllers = other("controllers")
    taken = [controllers.create_subscription(JointTrajectory, topic, print, 10) for topic in (FINGERS, WRIST)]
    until(lambda: not driver.hand.unreachable())
    assert driver.on_enable(SetBool.Request(data=True), SetBool.Response()).success
    controllers.destroy_subscription(taken[1])
    until(lambda: (bench.cycles(1), driver.safety.stopped)[1])
    assert driver.safety.stopped == f"nobody takes {WRIST}: are the hand's controllers running?"


def test_a_temperature_limit_without_temperatures_is_said(make_node: Callable[..., HandDriver]) -> None:
    """Protects motors from a limit that is only believed to be there."""
    bench = Bench(make_node(HandDriver, max_temperature="[60.0]"))
    bench.read()
    assert bench.driver.diagnose().message == "no temperature of the motor of WRJ2 for 5 s"
    refused = bench.driver.on_enable(SetBool.Request(data=True), SetBool.Response())
    assert not refused.success
    assert refused.message.endswith("mend it, or name the limit in `unguarded`")


def test_who_enables_a_hand_is_told_which_limits_are_off(make_node: Callable[..., HandDriver]) -> None:
    """Protects from a limit that is believed to be there because it has a line in real.yaml."""
    limits = {"stop_after": "1.0", "max_step": "0.8", "max_rate": "5.0", "max_joint_speed": "15.0", "max_error": "0.6"}
    bench = Bench(make_node(HandDriver, unguarded="temperature", max_temperature="[60.0]", **limits))
    bench.read()
    answer = bench.driver.on_enable(SetBool.Request(data=True), SetBool.Response())
    assert answer.success
    assert answer.message == "the hand follows actions; without a limit: max_effort"
    assert bench.driver.diagnose().values["without a limit"] == "max_effort"


def test_a_limit_that_is_none_cannot_be_left_out(make_node: Callable[..., HandDriver]) -> None:
    with pytest.raises(DactylError, match="parameter unguarded: 'torque' is none of: effort, temperature"):
        make_node(HandDriver, unguarded="torque")


def test_ending_takes_the_hand_back_at_its_rate(make_node: Callable[..., HandDriver]) -> None:
    """Protects the last moment of a run: a hold that takes some cycles is sent to its end."""
    driver = make_node(HandDriver, enable_at_start="true", max_rate="5.0")
    bench = Bench(driver)
    bench.read()
    bench.act(value=0.5)
    for sequence in range(1, 5):
        bench.cycles(10)
        bench.act(sequence, value=0.5)
    held = bench.driver.robot.actuator_positions(np.full(24, 0.1))
    assert np.abs(bench.targets - held).max() > 0.3

    def later() -> int:
        bench.now += 8 * MS
        return bench.now

    driver.monotonic_ns = later
    driver.destroy_node()
    assert bench.fastest > 0.9 * 5.0, "or the rate was not tried"
    np.testing.assert_allclose(bench.targets, np.clip(held, *driver.robot.actuator_limits.T), atol=1e-6)
