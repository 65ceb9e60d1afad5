"""From messages to diagnostics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.serialization import serialize_message

from dactyl import topics
from dactyl.errors import DactylError
from dactyl.nodes.timing_monitor import TimingMonitor, stage_types
from dactyl.robots.shadow import ROBOT
from dactyl.robots.shadow.topics import FINGERS as TARGETS
from dactyl.ros import messages

MS = 1_000_000
NOW = 1_700_000_000_000 * MS


def send(monitor: TimingMonitor, topic: str, sent_ns: int, age_ms: float = 5.0) -> None:
    message = messages.message_class(stage_types(ROBOT)[topic])()
    if topic != TARGETS:
        messages.set_stamp(message.header.stamp, sent_ns - round(age_ms * MS))
    monitor.on_message(topic, serialize_message(message), sent_ns)


@pytest.fixture
def monitor(make_node: Callable[..., TimingMonitor], recorder: type[Any]) -> TimingMonitor:
    monitor = make_node(TimingMonitor)
    monitor.diagnostics_publisher = recorder()
    monitor.now_ns = lambda: NOW + 2000 * MS
    return monitor


def statuses(monitor: TimingMonitor) -> dict[str, DiagnosticStatus]:
    (array,) = monitor.diagnostics_publisher.messages
    return {status.name.removeprefix("/timing_monitor: "): status for status in array.status}


def run(monitor: TimingMonitor, late: dict[str, float]) -> None:
    """Two seconds of a running graph; `late`: ages in ms by topic."""
    for tick in range(250):
        now = NOW + tick * 8 * MS
        for topic in ("mocap/markers", "fingertips", "object_pose/mocap", "/joint_states"):
            send(monitor, topic, now, late.get(topic, 5.0))
        if tick % 10 == 0:
            send(monitor, "action", now, late.get("action", 5.0))
            send(monitor, topics.FILTERED, now, late.get(topics.FILTERED, 6.0))
        send(monitor, TARGETS, now + round(late.get(TARGETS, 1.0) * MS))


def test_a_graph_in_time_is_said_to_be(monitor: TimingMonitor) -> None:
    """Protects against false alarms; joint targets are timed from the filtered action that they answer."""
    run(monitor, {})
    found = monitor.diagnose()
    assert (found.level, found.message) == (DiagnosticStatus.OK, "every stage is in time")
    shown = statuses(monitor)
    assert len(shown) == 7
    assert {status.message for status in shown.values()} == {"in time"}
    values = {pair.key: pair.value for pair in shown[TARGETS].values}
    assert values["latency p50 (ms)"] == "1.0"


def test_targets_from_before_an_action_do_not_answer_it(monitor: TimingMonitor) -> None:
    """Protects against clocks that seem out of step because one topic's message was heard before another's."""
    send(monitor, topics.FILTERED, NOW + 10 * MS)
    send(monitor, TARGETS, NOW + 8 * MS)
    send(monitor, TARGETS, NOW + 12 * MS)
    assert monitor.stages[TARGETS].latencies_ms.tolist() == [2.0]


def test_a_late_stage_is_named(monitor: TimingMonitor) -> None:
    """Protects the operator: one line says which stage, how late, and what its limit is."""
    run(monitor, {"action": 50.0})
    found = monitor.diagnose()
    assert found.level == DiagnosticStatus.WARN
    assert found.message == "too slow or irregular: action"
    assert found.values == {"action": "latency 50.0 ms, above 40"}
    assert statuses(monitor)["action"].level == DiagnosticStatus.WARN
    assert statuses(monitor)["fingertips"].level == DiagnosticStatus.OK


def test_a_silent_stream_is_named_and_a_pause_between_trials_is_not(monitor: TimingMonitor) -> None:
    """Protects against a stream that never began."""
    assert monitor.diagnose().values.keys() == {"mocap/markers", "fingertips", "object_pose/mocap", "/joint_states"}


def test_every_watched_message_begins_with_its_stamp() -> None:
    """Protects the shortcut that reads stamps without decoding messages."""
    for topic, kind in stage_types(ROBOT).items():
        if topic in ROBOT.targets:
            continue
        message = messages.message_class(kind)()
        messages.set_stamp(message.header.stamp, 0x01020304 * 1_000_000_000 + 5)
        data = serialize_message(message)
        assert messages.stamp_of(data) == 0x01020304 * 1_000_000_000 + 5


def test_a_stage_that_does_not_exist_is_refused(make_node: Callable[..., TimingMonitor]) -> None:
    """Protects whoever edits the lists, with those there are."""
    with pytest.raises(DactylError, match="stage 'mocap' is none of: mocap/markers"):
        make_node(TimingMonitor, stages=["mocap"], period=[1.0], max_jitter=[1.0], max_latency=[1.0])


def test_lists_of_different_lengths_are_refused(make_node: Callable[..., TimingMonitor]) -> None:
    """Protects against a threshold that is another stage's."""
    with pytest.raises(DactylError, match="max_jitter must have 7 elements, one for each stage"):
        make_node(TimingMonitor, max_jitter=[0.1])
