"""The hand driver under ROS's lifecycle: active is enabled."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from lifecycle_msgs.msg import State, Transition
from std_msgs.msg import Bool, Empty
from std_srvs.srv import SetBool, Trigger

from dactyl.nodes.hand_driver import HandDriver
from dactyl.robot.safety import HOLDING, NOT_ENABLED, STOPPED
from dactyl.robots.shadow.topics import FINGERS, WRIST
from dactyl.ros.managed import UNCONFIGURED
from tests.nodes.test_hand_driver import MS, Bench, until
from tests.ros.test_managed import change, state

RATE = 5.0


def enable(driver: HandDriver, data: bool = True) -> SetBool.Response:
    return driver.on_enable(SetBool.Request(data=data), SetBool.Response())


def commanders(driver: HandDriver) -> list[int]:
    """How many command fingers and wrist."""
    return [driver.count_publishers(topic) for topic in (FINGERS, WRIST)]


@pytest.fixture
def bench(make_node: Callable[..., HandDriver]) -> Bench:
    return Bench(make_node(HandDriver, max_rate=RATE))


def test_a_plain_start_waits_to_be_enabled(bench: Bench) -> None:
    """Protects the launch that is one command: the driver is connected by itself, and moves nothing by itself."""
    driver = bench.driver
    assert state(driver) == State.PRIMARY_STATE_INACTIVE
    bench.read()
    bench.cycles(3)
    assert bench.sent == 0
    assert enable(driver).success
    assert state(driver) == State.PRIMARY_STATE_ACTIVE
    assert enable(driver, False).success
    assert state(driver) == State.PRIMARY_STATE_INACTIVE


def test_a_simulated_hand_is_active_from_the_start(make_node: Callable[..., HandDriver]) -> None:
    """Protects simulation, where nobody enables anything."""
    bench = Bench(make_node(HandDriver, enable_at_start="true"))
    bench.read()
    assert state(bench.driver) == State.PRIMARY_STATE_ACTIVE
    assert bench.driver.safety.state == HOLDING


def test_activate_asks_what_an_enable_asks(bench: Bench) -> None:
    """Protects people from a lifecycle manager that would move a hand which nobody may enable."""
    driver = bench.driver
    assert not change(driver, Transition.TRANSITION_ACTIVATE), "there are no joint states"
    assert (state(driver), driver.safety.state) == (State.PRIMARY_STATE_INACTIVE, NOT_ENABLED)
    bench.read()
    driver.on_emergency_stop(Bool(data=True))
    assert not change(driver, Transition.TRANSITION_ACTIVATE), "it is stopped"
    assert state(driver) == State.PRIMARY_STATE_INACTIVE
    assert driver.on_reset(Trigger.Request(), Trigger.Response()).success
    assert change(driver, Transition.TRANSITION_ACTIVATE)
    assert (state(driver), driver.safety.enabled) == (State.PRIMARY_STATE_ACTIVE, True)


def test_why_it_is_not_activated_is_one_line(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects whoever asks by `ros2 lifecycle`, whose answer is a bare no."""
    lines: list[str] = []
    monkeypatch.setattr(HandDriver, "get_logger", lambda _: SimpleNamespace(error=lines.append))
    bench.driver.trigger_activate()
    assert lines == ["not activated: there are no joint states: the hand does not answer"]


def test_deactivate_holds_at_the_rate_and_is_then_silent(bench: Bench) -> None:
    """Protects the hand from a jump, and from a driver that goes on to speak when it was told to be silent."""
    driver = bench.driver
    bench.read()
    assert enable(driver).success
    for sequence in range(6):
        bench.act(sequence, value=0.6)
        bench.cycles(10)
    held = driver.robot.actuator_positions(np.full(24, 0.1))
    assert np.abs(bench.targets - held).max() > 0.3, "it is on its way"
    before = bench.targets.copy()
    driver.trigger_deactivate()
    bench.act(6, value=0.6)  # counts no more
    for _ in range(200):
        bench.cycles(1)
        assert np.abs(bench.targets - before).max() <= RATE * 0.008 + 1e-9
        before = bench.targets.copy()
    np.testing.assert_allclose(bench.targets, np.clip(held, *driver.robot.actuator_limits.T), atol=1e-6)
    sent = bench.sent
    bench.act(7, value=0.6)
    bench.cycles(50)
    assert bench.sent == sent


def test_a_stop_deactivates_and_goes_on_to_hold(bench: Bench) -> None:
    """Protects a manager from believing in an active hand, and a stopped hand from being let go."""
    driver = bench.driver
    bench.read()
    assert enable(driver).success
    bench.act()
    bench.cycles(3)
    driver.on_emergency_stop(Bool(data=True))
    assert (state(driver), driver.safety.state) == (State.PRIMARY_STATE_INACTIVE, STOPPED)
    sent = bench.sent
    bench.cycles(50)
    assert bench.sent >= sent + 50


def test_a_lapsed_heartbeat_deactivates(make_node: Callable[..., HandDriver]) -> None:
    """Protects against two words for one thing: without its heartbeat the hand is neither enabled nor active."""
    bench = Bench(make_node(HandDriver, heartbeat_after="0.3"))
    bench.read()
    bench.driver.on_heartbeat(Empty())
    assert enable(bench.driver).success
    bench.cycles(60)
    assert bench.driver.safety.lapsed
    assert state(bench.driver) == State.PRIMARY_STATE_INACTIVE


def test_a_manager_configures_it_and_may_clean_up(make_node: Callable[..., HandDriver]) -> None:
    """Protects labs whose own manager brings everything up in order: before, nothing of it is on the hand's topics."""
    driver = make_node(HandDriver, autostart="false")
    assert state(driver) == State.PRIMARY_STATE_UNCONFIGURED
    assert commanders(driver) == [0, 0]
    assert enable(driver).message == UNCONFIGURED.message
    assert driver.diagnose().message == UNCONFIGURED.message
    for _ in range(2):
        assert change(driver, Transition.TRANSITION_CONFIGURE)
        assert state(driver) == State.PRIMARY_STATE_INACTIVE
        until(lambda: commanders(driver) == [1, 1])
        assert change(driver, Transition.TRANSITION_CLEANUP)
        assert state(driver) == State.PRIMARY_STATE_UNCONFIGURED
        until(lambda: commanders(driver) == [0, 0])


def test_what_is_left_of_a_hold_is_not_sent_after_a_new_start(bench: Bench) -> None:
    """Protects a hand that was moved while the driver was cleaned up: it is not led back to where it was."""
    driver = bench.driver
    bench.read()
    assert enable(driver).success
    bench.act(value=0.6)
    bench.cycles(10)
    driver.trigger_deactivate()
    again = bench.renew()
    again.cycles(20, angle=0.5)
    assert again.sent == 0
    assert enable(driver).success
    again.act(sequence=1)
    assert again.sent == 1


def test_a_stop_is_said_and_kept_whatever_a_manager_does(make_node: Callable[..., HandDriver]) -> None:
    """Protects whoever looks for the reason, and the hand from a manager that starts everything anew."""
    driver = make_node(HandDriver, autostart="false")
    driver.on_emergency_stop(Bool(data=True))
    assert driver.diagnose().message == "stopped: emergency_stop"
    driver.trigger_configure()
    again = Bench(driver).renew()
    again.cycles(1)
    assert enable(driver).message == "the hand is stopped (emergency_stop): reset it first"


def test_quality_of_service_is_checked_when_the_topics_are_there(make_node: Callable[..., HandDriver]) -> None:
    """Protects labs with a manager: what is meant for the hand's topics is taken, a topic that there is not refused."""
    names = [f"qos_overrides.{topic}.publisher.depth" for topic in (FINGERS, "/nothing")]
    driver = make_node(HandDriver, autostart="false", **dict.fromkeys(names, 3))
    driver.check_overrides()
    driver.trigger_configure()
    assert not driver.prepared
    until(lambda: commanders(driver) == [0, 0])
    driver.undeclare_parameter(names[1])
    driver.trigger_configure()
    assert driver.prepared


def test_what_a_manager_configures_waits_for_it(make_node: Callable[..., HandDriver]) -> None:
    """Protects a manager's order: the driver of a simulated hand does not become active by itself then."""
    driver = make_node(HandDriver, autostart="false", enable_at_start="true")
    driver.trigger_configure()
    bench = Bench(driver)
    bench.read()
    bench.cycles(3)
    assert (state(driver), driver.safety.enabled) == (State.PRIMARY_STATE_INACTIVE, False)
    driver.trigger_activate()
    assert driver.safety.enabled


def test_what_cannot_be_configured_is_one_line(
    make_node: Callable[..., HandDriver], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects whoever edits the parameter file."""
    driver = make_node(HandDriver, autostart="false", interface="torque")
    lines: list[str] = []
    monkeypatch.setattr(HandDriver, "get_logger", lambda _: SimpleNamespace(error=lines.append))
    driver.trigger_configure()
    (line,) = lines
    assert line.startswith("not configured: parameter interface = 'torque' is none of: trajectory")
    assert not driver.prepared


def test_a_shut_down_driver_cannot_be_enabled(bench: Bench) -> None:
    """Protects the word of a lab that has shut the driver down."""
    bench.read()
    assert enable(bench.driver).success
    bench.now += 8 * MS
    bench.driver.trigger_shutdown()
    assert state(bench.driver) == State.PRIMARY_STATE_FINALIZED
    assert not enable(bench.driver).success
    assert not bench.driver.safety.enabled
