"""The way to Shadow's ROS 1, with a WebSocket server that speaks rosbridge's protocol at its other end."""

from __future__ import annotations

import contextlib
import json
import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count, pairwise
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from dactyl.errors import DactylError
from dactyl.robot.driver import JointOrder, JointStates
from dactyl.robot.safety import BLIND, HOLDING, RUNNING, STOPPED, Limits, Safety
from dactyl.robots.shadow import ROBOT, json_messages
from dactyl.robots.shadow.joints import ACTUATORS
from dactyl.robots.shadow.json_messages import ROS1, ROS2
from dactyl.robots.shadow.rosbridge import RECONNECT, RosbridgeHand

FINGERS = "/rh_trajectory_controller/command"
RATE = 5.0  # config/real.yaml
SERVER = "/rosbridge_websocket"
TARGETS = np.linspace(0.0, 0.19, len(ACTUATORS))


class Rosbridge:
    """The server: knows who subscribes to what, publishes to them, and keeps what they publish."""

    def __init__(self) -> None:
        self.advertised: dict[str, str] = {}
        self.subscribed: dict[str, str] = {}
        self.published: list[tuple[str, Any]] = []
        self.own_topic = ""
        """By which a client finds out which node the server is."""
        self.publishers: dict[str, list[str]] | None = {}
        """What rosapi would answer, beside the server's own node; None: there is no rosapi."""
        self.subscribers = ["/sr_hand_robot"]
        """Of every command."""
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

    def send(self, text: str) -> None:
        for client in list(self._clients):
            client.send(text)

    def _serve(self, client: ServerConnection) -> None:
        self._clients.add(client)
        try:
            for text in client:
                message = json.loads(text)
                if message["op"] == "advertise" and message["type"] == "std_msgs/Empty":
                    self.own_topic = message["topic"]
                elif message["op"] == "advertise":
                    self.advertised[message["topic"]] = message["type"]
                elif message["op"] == "call_service":
                    client.send(json.dumps(self._answer(message)))
                elif message["op"] == "subscribe":
                    self.subscribed[message["topic"]] = message["type"]
                elif message["op"] == "publish":
                    self.published.append((message["topic"], message["msg"]))
        except ConnectionClosed:
            pass
        finally:
            self._clients.discard(client)

    def _answer(self, call: dict[str, Any]) -> dict[str, Any]:
        response = {"op": "service_response", "id": call["id"], "service": call["service"]}
        if self.publishers is None:
            return response | {"result": False, "values": f"Service {call['service']} does not exist"}
        topic = call["args"]["topic"]
        if call["service"] == "/rosapi/subscribers":
            return response | {"result": True, "values": {"subscribers": [SERVER, *self.subscribers]}}
        own = [SERVER] if topic in self.advertised or topic == self.own_topic else []
        return response | {"result": True, "values": {"publishers": [*own, *self.publishers.get(topic, [])]}}


@pytest.fixture
def server() -> Iterator[Rosbridge]:
    server = Rosbridge()
    yield server
    server.stop()


@pytest.fixture
def connect(server: Rosbridge) -> Iterator[Callable[..., RosbridgeHand]]:
    """`connect(on_joint_states, on_temperature, interface=...)`: a hand that the server already knows."""
    hands = []

    def make(
        on_joint_states: Any = print,
        on_temperature: Any = print,
        interface: str = "trajectory",
        tolerated: Sequence[str] = (),
    ) -> RosbridgeHand:
        hand = RosbridgeHand(f"127.0.0.1:{server.port}", interface, 0.008, on_joint_states, on_temperature, tolerated)
        hands.append(hand)
        until(lambda: len(server.subscribed) == 3)
        return hand

    yield make
    for hand in hands:
        hand.close()


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def joint_states(stamp_ns: int, angle: float | None = 0.1, words: tuple[str, str] = ROS1) -> dict[str, Any]:
    """As rosbridge writes it, which has no NaN in its JSON but null."""
    return {
        "header": {"seq": 1, "stamp": dict(zip(words, divmod(stamp_ns, 1_000_000_000), strict=True)), "frame_id": ""},
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
        FINGERS: "trajectory_msgs/JointTrajectory",
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


def test_a_hand_that_was_given_up_does_not_connect_any_more(
    server: Rosbridge, connect: Callable[..., RosbridgeHand]
) -> None:
    """Protects the next one on the hand's topics: an attempt may be on its way when the driver is cleaned up."""
    hand = connect()
    server.stop()
    until(lambda: not hand._ros.is_connected)
    hand.close()
    server.start()
    time.sleep(2 * RECONNECT)
    until(lambda: not server._clients)
    assert not hand._ros.is_connected


@pytest.mark.parametrize("interface", ["trajectory", "position"])
def test_commands_of_another_program_are_noticed(
    server: Rosbridge, connect: Callable[..., RosbridgeHand], interface: str
) -> None:
    """Protects the hand from a second commander in ROS 1, of which no graph tells; its own commands come back too."""
    hand = connect(interface=interface)
    for i in range(5):
        hand.send(TARGETS + 0.001 * i, 0)
    until(lambda: len(server.published) >= 5)
    topic = hand._commanders.topic
    own = [message for name, message in server.published if name == topic]

    def hears(message: Any) -> str:
        server.publish(topic, message)
        until(lambda: not hand._received.empty())
        hand.poll()
        return hand.conflict()

    assert [hears(message) for message in own] == [""] * len(own)
    other = dict(own[0], data=1.0)
    if interface == "trajectory":
        other = dict(own[0], points=[dict(own[0]["points"][0], positions=[1.0] * 22)])
    assert hears(other) == f"another program commands the hand on {topic}, in the ROS behind rosbridge"
    assert not hand.problem()
    hears({"points": [None]})
    assert "cannot be read" in hand.problem()


def test_nodes_behind_rosbridge_are_named(server: Rosbridge, connect: Callable[..., RosbridgeHand]) -> None:
    """Protects the hand as ROS 2's graph does: another commander and another hand's joint states, by their names."""
    server.publishers = {"/joint_states": ["/sr_hand_robot", "/arm"]}
    hand = connect(tolerated=["/arm"])

    def conflict() -> str:
        hand.poll()
        return hand.conflict()

    assert hand.untold().startswith("rosapi has not told yet")
    until(lambda: conflict() or not hand.untold())
    assert not conflict()
    server.publishers[FINGERS] = ["/rqt_ez_publisher"]
    until(conflict)
    assert conflict() == f"another node commands the hand on {FINGERS} in the ROS behind rosbridge: /rqt_ez_publisher"
    del server.publishers[FINGERS]
    until(lambda: not conflict())
    server.publishers["/joint_states"] += ["/gazebo"]
    until(conflict)
    assert conflict().endswith("behind rosbridge: /gazebo and /sr_hand_robot")
    server.stop()
    until(lambda: conflict() == "")


def test_a_hand_without_controllers_behind_rosbridge_is_said(
    server: Rosbridge, connect: Callable[..., RosbridgeHand]
) -> None:
    """Protects from an enable, and from "running", where nobody takes the commands."""
    hand = connect()
    until(lambda: hand.poll() or not hand.untold())
    assert not hand.unreachable()
    server.subscribers = []
    until(lambda: hand.poll() or hand.unreachable())
    assert hand.unreachable().startswith("nobody takes ")


def test_a_rosbridge_without_rosapi_is_said(server: Rosbridge, connect: Callable[..., RosbridgeHand]) -> None:
    """Protects from believing that somebody looks for other nodes; what else is wrong is not hidden by it."""
    server.publishers = None
    hand = connect()
    until(lambda: hand.poll() or hand.unseen())
    assert hand.unseen().endswith("rosbridge says 'Service /rosapi/publishers does not exist'")
    assert (hand.problem(), hand.unreachable(), hand.untold(), hand.conflict()) == ("", "", "", "")


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
    server.publish("/joint_states", {"header": joint_states(0)["header"], "name": []})
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
    until(lambda: len(server.subscribed) == 3)
    assert hand.problem() == ""
    assert len(server.advertised) == 2
    time.sleep(0.2)
    assert server.published == []
    hand.send(TARGETS + 0.1, 0)
    until(lambda: server.published)
    server.publish("/joint_states", joint_states(7_000_000_000))
    until(lambda: hand.poll() or states)


def test_a_connection_lost_between_two_topics_keeps_nothing_for_later(
    server: Rosbridge, connect: Callable[..., RosbridgeHand], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the wrist: the library would keep what is published just after a loss, and send it when it is back."""
    hand = connect()
    server.stop()
    until(hand.unreachable)
    monkeypatch.setattr(type(hand._ros), "is_connected", True)
    hand.send(TARGETS, 0)
    server.published.clear()
    server.start()
    until(lambda: len(server.subscribed) == 3)
    time.sleep(0.2)
    assert server.published == []


def test_the_hand_is_held_and_stopped_by_the_rules_across_a_loss(
    server: Rosbridge, connect: Callable[..., RosbridgeHand]
) -> None:
    """Protects the whole way: actions in, JSON out, the connection lost and back, a stop after the long outage."""
    limits = Limits(stop_after=0.6, max_step=0.8, max_rate=RATE)
    safety, order = Safety(ROBOT, limits, enabled=True), JointOrder(ROBOT)
    sent: list[tuple[int, np.ndarray]] = []

    def take(states: JointStates) -> None:
        angles, efforts = order.sort(states)
        safety.take_joint_states(states.stamp_ns, angles, efforts, time.monotonic_ns())

    hand = connect(take)

    def cycle() -> str:
        hand.poll()
        now = time.monotonic_ns()
        targets = safety.targets(now)
        if targets is not None:
            hand.send(targets, 0)
            sent.append((now, targets))
        return safety.state

    sequence = count()

    def act() -> str:
        server.publish("/joint_states", joint_states(time.time_ns()))
        safety.take_action(np.full(20, 0.1), next(sequence), time.time_ns(), time.monotonic_ns())
        return cycle()

    server.publish("/joint_states", joint_states(time.time_ns()))
    until(lambda: cycle() == HOLDING)
    until(lambda: act() == RUNNING and len(server.published) >= 2)
    server.stop()
    begun = time.monotonic()
    until(lambda: cycle() == BLIND)
    assert time.monotonic() - begun < 0.2
    until(lambda: cycle() == STOPPED)
    server.published.clear()
    server.start()
    until(lambda: len(server.subscribed) == 3)
    server.publish("/joint_states", joint_states(time.time_ns(), angle=0.3))

    def angle(joint: str) -> float:
        """What the hand was last told."""
        last = dict(server.published)[FINGERS]
        return float(last["points"][0]["positions"][last["joint_names"].index(joint)])

    until(lambda: cycle() == STOPPED and server.published and angle("rh_FFJ3") == pytest.approx(0.3))
    speeds = [np.abs(b[1] - a[1]).max() / (b[0] - a[0]) * 1e9 for a, b in pairwise(sent)]
    print(f"fastest target: {max(speeds):.2f} rad/s")
    assert 0.9 * RATE < max(speeds) <= RATE + 1e-3


def test_a_hand_that_was_ported_to_ros_2_is_driven_in_its_words(
    server: Rosbridge, connect: Callable[..., RosbridgeHand]
) -> None:
    """Protects from joint states that all count as repeated, because their stamps have other names."""
    states: list[JointStates] = []
    hand = connect(states.append)
    server.publish("/joint_states", joint_states(5_000_000_007, words=ROS2))
    server.publish("/joint_states", joint_states(5_008_000_007, words=ROS2))
    until(lambda: hand.poll() or len(states) == 2)
    assert [s.stamp_ns for s in states] == [5_000_000_007, 5_008_000_007]
    hand.send(TARGETS, 123)
    until(lambda: len(server.published) == 2)
    message = dict(server.published)[FINGERS]
    assert message["header"]["stamp"] == {"sec": 0, "nanosec": 0}
    assert message["points"][0]["time_from_start"] == {"sec": 0, "nanosec": 8_000_000}


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (None, "None where a message with header belongs"),
        ([1], "[1] where a message with header belongs"),
        ({}, "it has no header"),
        ({"header": None}, "header is None"),
        ({"header": {"stamp": {}}}, "it has no secs"),
        ({"header": {"stamp": {"sec": 1}}}, "it has no nanosec"),
        ({"header": {"stamp": {"sec": "1", "nanosec": 0}}}, "sec is '1'"),
        ({"header": {"stamp": {"sec": -1, "nanosec": 0}}}, "sec of its stamp is -1"),
        ({"header": {"stamp": {"secs": 1, "nsecs": 10**9}}}, "nsecs of its stamp is 1000000000"),
        ({**joint_states(1), "name": [1]}, "name is no list of texts"),
        ({**joint_states(1), "position": ["a"]}, "position is no list of numbers"),
        ({**joint_states(1), "effort": "much"}, "effort is 'much'"),
        ({**joint_states(1), "position": [10**400]}, "position has numbers without end"),
    ],
)
def test_joint_states_that_cannot_be_read_are_said(
    server: Rosbridge, connect: Callable[..., RosbridgeHand], message: Any, said: str
) -> None:
    """Protects the driver from ending for what somebody else sends, and the lab from wondering why nothing moves."""
    states: list[JointStates] = []
    hand = connect(states.append)
    server.publish("/joint_states", message)
    until(lambda: hand.poll() or hand.problem())
    assert hand.problem() == f"/joint_states from rosbridge cannot be read: {said}"
    assert not states
    server.publish("/joint_states", joint_states(5_000_000_007))
    until(lambda: hand.poll() or states)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ("not JSON", "rosbridge sent what is no message: b'not JSON'"),
        ("[1, 2]", "rosbridge sent what is no message: b'[1, 2]'"),
        ('{"op": "publish"}', 'rosbridge sent what is no message: b\'{"op": "publish"}\''),
        ('{"op": "status", "level": "error", "msg": "no\\ntype"}', "rosbridge says: no type"),
        (
            '{"op": "publish", "topic": "/diagnostics"}',
            "from rosbridge cannot be read: None where",
        ),
        ('{"op": "publish", "topic": "/diagnostics", "msg": {"status": [{"name": 1}]}}', "cannot be read: name is 1"),
    ],
)
def test_frames_that_are_no_messages_are_said(
    server: Rosbridge, connect: Callable[..., RosbridgeHand], capfd: pytest.CaptureFixture[str], frame: str, said: str
) -> None:
    """Protects the terminal from a traceback for each of them."""
    hand = connect()
    server.send(frame)
    until(lambda: hand.poll() or hand.problem())
    assert said in hand.problem()
    assert "Traceback" not in capfd.readouterr().err


KEYS = ("header", "stamp", "sec", "secs", "nanosec", "nsecs", "name", "position", "effort", "status", "values", "key")


def anything(generator: random.Random, depth: int = 4) -> Any:
    """Some JSON."""
    if depth and generator.random() < 0.7:
        inner = [anything(generator, depth - 1) for _ in range(generator.randrange(5))]
        return inner if generator.random() < 0.4 else dict(zip(generator.sample(KEYS, len(inner)), inner, strict=True))
    return generator.choice([None, True, 0, -1, 1.5, 10**400, math.nan, "", "rh SRDMotor FFJ3", "Temperature"])


def test_whatever_comes_is_read_or_refused_with_a_reason() -> None:
    """Protects the driver: 20,000 times some JSON in the place of the two messages that it listens to."""
    generator = random.Random(0)
    readers = (json_messages.joint_states, lambda message: list(json_messages.temperatures(message)))
    for _ in range(20_000):
        message = anything(generator)
        for read in readers:
            with contextlib.suppress(ValueError):
                read(message)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("localhost:9090", ("localhost", 9090)),
        ("ws://localhost:9090", ("localhost", 9090)),
        (" ws://192.168.1.2:9090/ ", ("192.168.1.2", 9090)),
        ("[::1]:9090", ("[::1]", 9090)),
    ],
)
def test_addresses_as_people_write_them(address: str, found: tuple[str, int]) -> None:
    """Protects whoever copies the address from a browser or a roslibjs program."""
    assert json_messages.server(address) == found


@pytest.mark.parametrize(
    "address",
    ["", "localhost", ":9090", "localhost:ros", "localhost:99999", "localhost:0", "localhost:-1", "ws://localhost",
     "http://localhost:9090", "wss://localhost:9090", "local host:9090", "ws://a:9090/path", "[::1:9090", "a@b:9090"],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(address: str) -> None:
    """Protects whoever edits the parameter file."""
    with pytest.raises(DactylError, match="rosbridge_address must be host:port or ws://host:port with a port from 1"):
        RosbridgeHand(address, "trajectory", 0.008, print, print)
