"""The way to Shadow's ROS 1, with a WebSocket server that speaks rosbridge's protocol at its other end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from dactyl.errors import DactylError
from dactyl.robot.driver import JointOrder, JointStates
from dactyl.robot.safety import BLIND, HOLDING, RUNNING, STOPPED, Limits, Safety
from dactyl.robots.shadow import ROBOT
from dactyl.robots.shadow.joints import ACTUATORS
from dactyl.robots.shadow.rosbridge import RosbridgeHand

FINGERS = "/rh_trajectory_controller/command"
TARGETS = np.linspace(0.0, 0.19, len(ACTUATORS))


class Rosbridge:
    """The server: knows who subscribes to what, publishes to them, and keeps what they publish."""

    def __init__(self) -> None:
        self.advertised: dict[str, str] = {}
        self.subscribed: dict[str, str] = {}
        self.published: list[tuple[str, Any]] = []
        self.port = 0
        self._server: Server | None = None
        self._clients: set[ServerConnection] = set()
        self._thread: threading.Thread | None = None
        self.start()

    def start(self) -> None:
        self._server = serve(self._serve, "127.0.0.1", self.port)
        self.port = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        assert self._server
        assert self._thread
        self._server.shutdown()
        self._thread.join()
        for client in list(self._clients):
            client.close()
        self.advertised.clear()
        self.subscribed.clear()

    def publish(self, topic: str, message: Any) -> None:
        for client in list(self._clients):
            client.send(json.dumps({"op": "publish", "topic": topic, "msg": message}))

    def _serve(self, client: ServerConnection) -> None:
        self._clients.add(client)
        try:
            for text in client:
                message = json.loads(text)
                if message["op"] == "advertise":
                    self.advertised[message["topic"]] = message["type"]
                elif message["op"] == "subscribe":
                    self.subscribed[message["topic"]] = message["type"]
                elif message["op"] == "publish":
                    self.published.append((message["topic"], message["msg"]))
        except ConnectionClosed:
            pass
        finally:
            self._clients.discard(client)


@pytest.fixture
def server() -> Iterator[Rosbridge]:
    server = Rosbridge()
    yield server
    server.stop()


@pytest.fixture
def connect(server: Rosbridge) -> Iterator[Callable[..., RosbridgeHand]]:
    """`connect(on_joint_states, on_temperature, interface=...)`: a hand that the server already knows."""
    hands = []

    def make(on_joint_states: Any = print, on_temperature: Any = print, interface: str = "trajectory") -> RosbridgeHand:
        hand = RosbridgeHand(f"127.0.0.1:{server.port}", interface, 0.008, on_joint_states, on_temperature)
        hands.append(hand)
        until(lambda: len(server.subscribed) == 2)
        return hand

    yield make
    for hand in hands:
        hand.close()


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def joint_states(stamp_ns: int, angle: float | None = 0.1) -> dict[str, Any]:
    """As rosbridge writes it, which has no NaN in its JSON but null."""
    seconds, rest = divmod(stamp_ns, 1_000_000_000)
    return {
        "header": {"seq": 1, "stamp": {"secs": seconds, "nsecs": rest}, "frame_id": ""},
        "name": [ROBOT.ros_name(joint) for joint in ROBOT.joints],
        "position": [angle] * 24,
        "velocity": [0.0] * 24,
        "effort": [1.0] * 24,
    }


def test_trajectories_are_shadows(server: Rosbridge, connect: Callable[..., RosbridgeHand]) -> None:
    """Protects against a hand that takes no commands: topics, ROS 1 types, names, a start of now, coupled halves."""
    hand = connect()
    assert server.advertised == {
        FINGERS: "trajectory_msgs/JointTrajectory",
        "/rh_wr_trajectory_controller/command": "trajectory_msgs/JointTrajectory",
    }
    assert server.subscribed == {
        "/joint_states": "sensor_msgs/JointState",
        "/diagnostics": "diagnostic_msgs/DiagnosticArray",
    }
    hand.send(TARGETS, 123)
    until(lambda: len(server.published) == 2)
    message = dict(server.published)[FINGERS]
    assert message["header"]["stamp"] == {"secs": 0, "nsecs": 0}
    assert len(message["joint_names"]) == 22
    (point,) = message["points"]
    assert point["time_from_start"] == {"secs": 0, "nsecs": 8_000_000}
    angles = dict(zip(message["joint_names"], point["positions"], strict=True))
    assert angles["rh_FFJ1"] == angles["rh_FFJ2"] == pytest.approx(TARGETS[ACTUATORS.index("FFJ0")] / 2)
    assert angles["rh_THJ5"] == pytest.approx(TARGETS[ACTUATORS.index("THJ5")])


def test_position_commands_are_shadows(server: Rosbridge, connect: Callable[..., RosbridgeHand]) -> None:
    """Protects the other interface: 20 numbers, each to its controller."""
    connect(interface="position").send(TARGETS, 0)
    until(lambda: len(server.published) == 20)
    assert set(server.advertised.values()) == {"std_msgs/Float64"}
    assert dict(server.published)["/sh_rh_ffj0_position_controller/command"] == {
        "data": TARGETS[ACTUATORS.index("FFJ0")]
    }


def test_what_the_hand_says_waits_for_poll(server: Rosbridge, connect: Callable[..., RosbridgeHand]) -> None:
    """Protects the driver from being called in the library's thread; what is broken gets through, to be refused."""
    states: list[JointStates] = []
    temperatures: list[tuple[int, float]] = []
    hand = connect(states.append, lambda *found: temperatures.append(found))
    server.publish("/joint_states", joint_states(5_000_000_007))
    server.publish("/joint_states", joint_states(5_008_000_007, angle=None))
    server.publish("/joint_states", {})
    values = [{"key": "Motor ID", "value": "3"}, {"key": "Temperature", "value": "41.25"}]
    server.publish("/diagnostics", {"status": [{"name": "rh SRDMotor FFJ4", "values": values}, {"name": "camera"}]})
    time.sleep(0.1)
    assert not states
    until(lambda: hand.poll() or temperatures)
    assert temperatures == [(ACTUATORS.index("FFJ4"), 41.25)]
    assert [s.stamp_ns for s in states] == [5_000_000_007, 5_008_000_007, 0]
    order = JointOrder(ROBOT)
    angles, efforts = order.sort(states[0])
    assert (angles == 0.1).all()
    assert efforts is not None
    assert np.isnan(order.sort(states[1])[0]).all()
    with pytest.raises(ValueError, match="joint states without"):
        order.sort(states[2])


def test_a_lost_connection_comes_back_and_nothing_old_is_sent(
    server: Rosbridge, connect: Callable[..., RosbridgeHand]
) -> None:
    """Protects the hand when the network or Shadow's container goes: it is not sent what has become wrong meanwhile."""
    states: list[JointStates] = []
    hand = connect(states.append)
    assert hand.problem() == ""
    server.stop()
    until(hand.problem)
    assert hand.problem() == f"no connection to rosbridge at 127.0.0.1:{server.port}"
    for _ in range(50):
        hand.send(TARGETS, 0)
    server.published.clear()
    server.start()
    until(lambda: len(server.subscribed) == 2)
    assert hand.problem() == ""
    assert len(server.advertised) == 2
    time.sleep(0.2)
    assert server.published == []
    hand.send(TARGETS + 0.1, 0)
    until(lambda: server.published)
    server.publish("/joint_states", joint_states(7_000_000_000))
    until(lambda: hand.poll() or states)


def test_the_hand_is_held_and_stopped_by_the_rules_across_a_loss(
    server: Rosbridge, connect: Callable[..., RosbridgeHand]
) -> None:
    """Protects the whole way: actions in, JSON out, the connection lost and back, a stop after the long outage."""
    safety, order = Safety(ROBOT, Limits(stop_after=0.6), enabled=True), JointOrder(ROBOT)

    def take(states: JointStates) -> None:
        angles, efforts = order.sort(states)
        safety.take_joint_states(states.stamp_ns, angles, efforts, time.monotonic_ns())

    hand = connect(take)

    def cycle() -> str:
        hand.poll()
        targets = safety.targets(time.monotonic_ns())
        if targets is not None:
            hand.send(targets, 0)
        return safety.state

    server.publish("/joint_states", joint_states(time.time_ns()))
    until(lambda: cycle() == HOLDING)
    safety.take_action(np.full(20, 0.1), 0, time.time_ns(), time.monotonic_ns())
    assert cycle() == RUNNING
    until(lambda: len(server.published) >= 2)
    server.stop()
    begun = time.monotonic()
    until(lambda: cycle() == BLIND)
    assert time.monotonic() - begun < 0.2
    until(lambda: cycle() == STOPPED)
    server.published.clear()
    server.start()
    until(lambda: len(server.subscribed) == 2)
    server.publish("/joint_states", joint_states(time.time_ns(), angle=0.3))
    until(lambda: cycle() == STOPPED and server.published)
    held = dict(server.published)[FINGERS]
    angles = dict(zip(held["joint_names"], held["points"][0]["positions"], strict=True))
    assert angles["rh_FFJ3"] == pytest.approx(0.3)


@pytest.mark.parametrize("address", ["", "localhost", ":9090", "localhost:ros"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    """Protects whoever edits the parameter file."""
    with pytest.raises(DactylError, match="rosbridge_address must be host:port"):
        RosbridgeHand(address, "trajectory", 0.008, print, print)
