"""The PhaseSpace client on a stand-in for PhaseSpace's module."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import pytest

from dactyl.errors import DactylError
from dactyl.hardware import phasespace
from dactyl.hardware.device import DeviceLostError, DeviceReader
from dactyl.hardware.markers import Marker, MarkerFrame
from dactyl.hardware.phasespace import PhaseSpace
from tests.hardware import fake_owl
from tests.hardware.fake_owl import Event, Type

FRAME = [fake_owl.Marker(0, 100.0, 200.0, 300.0, 5.0), fake_owl.Marker(7, 0.0, 0.0, 0.0, -1.0)]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> fake_owl.Server:
    server = fake_owl.Server()
    monkeypatch.setitem(sys.modules, "owl", server.module())
    return server


def opened(**options: object) -> PhaseSpace:
    source = PhaseSpace("lab", time.time_ns, **options)  # type: ignore[arg-type]
    source.open()
    return source


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_markers_come_in_metres_with_their_quality(server: fake_owl.Server) -> None:
    """Protects the units, millimetres with PhaseSpace, and a hidden LED from counting as one at the origin."""
    source = opened(latency=0.01)
    assert source.read(0.01) is None
    server.events += [Event(Type.CAMERA, "cameras", []), Event(Type.FRAME, markers=FRAME)]
    before = time.time_ns()
    frame = source.read(0.01)
    assert frame is not None
    assert before - 10_000_000 <= frame.time_ns <= time.time_ns() - 10_000_000
    assert list(frame.markers) == [Marker(0, pytest.approx((0.1, 0.2, 0.3)), 5.0), Marker(7, (0.0, 0.0, 0.0), -1.0)]


def test_a_frame_that_came_late_was_not_taken_late(server: fake_owl.Server) -> None:
    """Protects the policy from readings that look fresh because the network kept them: stamps are the events' own."""
    now = [10_000_000_000]
    source = PhaseSpace("lab", lambda: now[0], latency=0.002)
    source.open()
    stamps = []
    for i in range(50):
        now[0] = 10_000_000_000 + i * 4_000_000 + (30_000_000 if i % 10 == 7 else 1_000_000)
        server.events.append(Event(Type.FRAME, markers=FRAME, time=77_000_000 + i * 4_000))
        frame = source.read(0.01)
        assert frame is not None
        stamps.append(frame.time_ns)
    assert stamps == [10_000_000_000 + i * 4_000_000 + 1_000_000 - 2_000_000 for i in range(50)]


def test_the_newest_frame_counts(server: fake_owl.Server) -> None:
    """Protects the control loop from a queue of old frames; what is passed over is counted."""
    source = opened()
    server.events += [
        Event(Type.FRAME, markers=[fake_owl.Marker(i, 0.0, 0.0, 0.0)]) for i in range(3)
    ]  # fmt: skip
    frame = source.read(0.01)
    assert frame is not None
    assert frame.markers[0].id == 2
    assert source.dropped == 2


def test_the_options_reach_the_server(server: fake_owl.Server) -> None:
    """Protects the frame rate and the LED profile of a lab."""
    opened(frequency=480, options="profile=hand").close()
    assert server.calls[0][:2] == ("open", "lab")
    assert server.calls[1] == (
        "initialize",
        "event.markers=1 event.rigids=0 timebase=1,1000000 frequency=480 profile=hand",
    )
    assert server.calls[2:] == [("done",), ("close",)]


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (Event(Type.ERROR, "fatal", "synch\nlost"), "PhaseSpace: lab reports: synch lost"),
        (Event(Type.CAMERA, "done"), "PhaseSpace: lab has ended the session"),
    ],
)
def test_an_end_is_told_in_one_line(server: fake_owl.Server, event: Event, message: str) -> None:
    """Protects whoever reads /diagnostics."""
    source = opened()
    server.events.append(event)
    with pytest.raises(DeviceLostError, match=message):
        source.read(0.01)


def test_no_server_no_session_no_frames(server: fake_owl.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects against waiting for ever: each way of not getting frames has its own line."""
    with pytest.raises(DeviceLostError, match="does not take the options"):
        opened(frequency=961)
    source = opened()
    monkeypatch.setattr(phasespace, "SILENCE", 0.0)
    time.sleep(0.01)
    with pytest.raises(DeviceLostError, match="no frame from lab"):
        source.read(0.0)
    server.up = False
    with pytest.raises(DeviceLostError, match="has closed the connection"):
        source.read(0.0)
    with pytest.raises(DeviceLostError, match="no connection to lab: connection to lab timed out"):
        opened()


def test_a_lost_server_is_found_again(server: fake_owl.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects a run from a restarted server: nobody restarts the node."""
    monkeypatch.setattr("dactyl.hardware.device.RETRY", 0.05)
    seen: list[MarkerFrame] = []
    lines: list[str] = []
    reader = DeviceReader(PhaseSpace("lab", time.time_ns), seen.append, lines.append)
    try:
        server.events.append(Event(Type.FRAME, markers=FRAME))
        until(lambda: seen)
        server.up = False
        until(lambda: "no connection" in reader.fault)
        server.up = True
        server.events.append(Event(Type.FRAME, markers=FRAME))
        until(lambda: len(seen) == 2)
        assert reader.reconnections == 1
        assert reader.fault == ""
        assert lines[-1] == "PhaseSpace: back again"
    finally:
        reader.close()


def test_a_machine_without_the_module_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects a lab's first hour, and against the unrelated module `owl` of PyPI."""
    monkeypatch.setitem(sys.modules, "owl", None)
    with pytest.raises(DactylError, match=r"OWL 2 SDK from customers\.phasespace\.com"):
        PhaseSpace("lab", time.time_ns)
    other = type(sys)("owl")
    other.__file__ = "/somewhere/owl.py"
    monkeypatch.setitem(sys.modules, "owl", other)
    with pytest.raises(DactylError, match="is not PhaseSpace's"):
        PhaseSpace("lab", time.time_ns)
