"""The motion-capture node with each of its sources."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticStatus

from dactyl.errors import DactylError
from dactyl.nodes.mocap import MocapNode
from dactyl.ros import messages
from dactyl_msgs.msg import MocapMarker, MocapMarkers
from tests.hardware import fake_owl
from tests.hardware.test_replay import write_c3d


def until(node: MocapNode, condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, node.diagnose()
        rclpy.spin_once(node, timeout_sec=0.02)


def test_phasespace_markers_are_published(
    make_node: Callable[..., MocapNode], recorder: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the way of a real marker into the graph, and the line that says that the server is gone."""
    server = fake_owl.Server()
    monkeypatch.setitem(sys.modules, "owl", server.module())
    node = make_node(MocapNode, address="lab")
    node.marker_publisher = published = recorder()
    server.events.append(fake_owl.Event(fake_owl.Type.FRAME, markers=[fake_owl.Marker(3, 1.0, 2.0, 3.0, 7.0)]))
    until(node, lambda: published.messages)
    (marker,) = published.messages[0].markers
    assert (marker.id, marker.position.z, marker.condition) == (3, pytest.approx(0.003), 7.0)
    assert published.messages[0].header.frame_id == "mocap"
    assert abs(messages.nanoseconds(published.messages[0].header.stamp) - time.time_ns()) < 5e9
    assert node.diagnose().level == DiagnosticStatus.OK
    server.up = False
    until(node, lambda: node.diagnose().level == DiagnosticStatus.ERROR)
    assert "PhaseSpace: " in node.diagnose().message


def test_a_recording_is_played(make_node: Callable[..., MocapNode], recorder: type[Any], tmp_path: Path) -> None:
    """Protects work without a motion-capture system; hidden markers stay in the message, as hidden."""
    node = make_node(MocapNode, source="c3d", file=write_c3d(tmp_path / "a.c3d"))
    node.marker_publisher = published = recorder()
    until(node, lambda: len(published.messages) > 3)
    assert {len(message.markers) for message in published.messages} == {2}
    assert any(message.markers[1].condition < 0 for message in published.messages)


def test_a_topic_is_passed_on_with_its_stamps(make_node: Callable[..., MocapNode], recorder: type[Any]) -> None:
    """Protects lockstep behind the real graph: the simulator's time must survive."""
    node = make_node(MocapNode, source="topic", topic="/simulated")
    node.marker_publisher = published = recorder()
    publisher = node.create_publisher(MocapMarkers, "/simulated", messages.SENSOR)
    message = MocapMarkers(markers=[MocapMarker(id=9, condition=1.0)])
    messages.set_stamp(message.header.stamp, 80_000_000)

    def arrived() -> bool:
        publisher.publish(message)
        return bool(published.messages)

    until(node, arrived)
    assert messages.nanoseconds(published.messages[0].header.stamp) == 80_000_000
    time.sleep(0.7)
    assert "no frame for" in node.diagnose().message


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "parameter address is empty: the PhaseSpace server"),
        ({"source": "bag"}, "parameter file is empty: the recording"),
        ({"source": "topic", "topic": "mocap/markers"}, "this node itself publishes"),
        ({"source": "vicon"}, "is none of: phasespace, c3d, bag, topic"),
    ],
)
def test_what_is_missing_is_said(make_node: Callable[..., MocapNode], parameters: dict[str, str], message: str) -> None:
    """Protects a lab's first start."""
    with pytest.raises(DactylError, match=message):
        make_node(MocapNode, **parameters)
