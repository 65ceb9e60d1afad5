"""Nodes of devices under ROS's lifecycle."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rclpy
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState

from dactyl.errors import DactylError
from dactyl.nodes.mocap import MocapNode
from dactyl.ros.managed import INACTIVE, ManagedNode
from dactyl.ros.messages import SENSOR
from dactyl_msgs.msg import MocapMarkers
from tests.hardware.test_replay import write_c3d


def ask(node: ManagedNode, kind: type[Any], name: str, request: Any) -> Any:
    """The answer of a service of the node itself."""
    client = node.create_client(kind, f"/{node.get_name()}/{name}")
    future = client.call_async(request)
    deadline = time.monotonic() + 10.0
    while not future.done():
        assert time.monotonic() < deadline
        rclpy.spin_once(node, timeout_sec=0.02)
    return future.result()


def state(node: ManagedNode) -> int:
    return int(ask(node, GetState, "get_state", GetState.Request()).current_state.id)


def change(node: ManagedNode, transition: int) -> bool:
    request = ChangeState.Request(transition=Transition(id=transition))
    return bool(ask(node, ChangeState, "change_state", request).success)


def frames(node: ManagedNode, seconds: float = 0.5) -> int:
    """How many came from now on."""
    came: list[MocapMarkers] = []
    subscription = node.create_subscription(MocapMarkers, "mocap/markers", came.append, SENSOR)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        rclpy.spin_once(node, timeout_sec=0.02)
    node.destroy_subscription(subscription)
    return len(came)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_c3d(tmp_path / "a.c3d")


def test_a_plain_start_is_active(make_node: Callable[..., MocapNode], recording: Path) -> None:
    """Protects the launch that is one command: nobody has to activate anything."""
    node = make_node(MocapNode, source="c3d", file=recording)
    assert state(node) == State.PRIMARY_STATE_ACTIVE
    assert frames(node) > 0


def test_a_device_is_closed_and_opened_while_the_graph_runs(
    make_node: Callable[..., MocapNode], recording: Path
) -> None:
    """Protects a lab that wants to plug, calibrate or lend a device without ending the run."""
    node = make_node(MocapNode, source="c3d", file=recording)
    assert change(node, Transition.TRANSITION_DEACTIVATE)
    assert node.diagnose() == INACTIVE
    frames(node, 0.1)  # what was on its way
    assert frames(node) == 0
    assert change(node, Transition.TRANSITION_ACTIVATE)
    assert frames(node) > 0
    assert change(node, Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert state(node) == State.PRIMARY_STATE_FINALIZED
    assert node.diagnose() == INACTIVE


def test_a_lifecycle_manager_may_start_it(make_node: Callable[..., MocapNode], recording: Path) -> None:
    """Protects labs whose own manager brings everything up in order."""
    node = make_node(MocapNode, source="c3d", file=recording, autostart="false")
    assert state(node) == State.PRIMARY_STATE_UNCONFIGURED
    assert frames(node) == 0
    assert change(node, Transition.TRANSITION_CONFIGURE)
    assert state(node) == State.PRIMARY_STATE_INACTIVE
    assert frames(node) == 0
    assert change(node, Transition.TRANSITION_ACTIVATE)
    assert frames(node) > 0


@pytest.mark.parametrize("autostart", ["true", "false"])
def test_a_transition_that_its_state_does_not_have_is_refused(
    make_node: Callable[..., MocapNode], recording: Path, autostart: str
) -> None:
    """Protects the node from a manager that asks twice: rclpy's own would end with an exception."""
    node = make_node(MocapNode, source="c3d", file=recording, autostart=autostart)
    before = state(node)
    assert not change(node, Transition.TRANSITION_CLEANUP)
    assert not change(node, 99)
    if autostart == "true":
        assert not change(node, Transition.TRANSITION_CONFIGURE)
    assert not change(node, Transition.TRANSITION_ACTIVATE)
    assert state(node) == before
    assert node.active == (autostart == "true")


class Broken(ManagedNode):
    """Its device cannot be opened, or not be closed."""

    def __init__(self) -> None:
        super().__init__("broken")
        self.opening: Exception | None = DactylError("no such device")
        self.closing: Exception | None = None

    def start(self) -> None:
        if self.opening:
            raise self.opening

    def stop(self) -> None:
        if self.closing:
            raise self.closing


def test_what_cannot_be_opened_does_not_become_active(make_node: Callable[..., Broken]) -> None:
    """Protects from a state that says active where nothing is."""
    node = make_node(Broken)
    assert change(node, Transition.TRANSITION_CONFIGURE)
    assert not change(node, Transition.TRANSITION_ACTIVATE)
    assert state(node) == State.PRIMARY_STATE_INACTIVE
    with pytest.raises(DactylError, match="no such device"):
        node.begin(active=True)
    assert not node.active


def test_what_fails_in_a_transition_ends_the_node(make_node: Callable[..., Broken]) -> None:
    """Protects from a device that is still open behind a state that says it is not: rclpy swallows exceptions."""
    node = make_node(Broken)
    node.opening = None
    node.begin(active=True)
    failure = node.closing = ZeroDivisionError("broken")
    assert not change(node, Transition.TRANSITION_DEACTIVATE)
    node.closing = None
    assert node.finished
    assert node.failure is failure
