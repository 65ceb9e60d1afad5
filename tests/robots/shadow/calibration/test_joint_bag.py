"""From a bag to a recording that can be calibrated from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dactyl import objects
from dactyl.errors import DactylError
from dactyl.robot.markers import MarkerLayout
from dactyl.robots.shadow.calibration.hall import SENSORS, joint_readings
from dactyl.robots.shadow.calibration.joint_bag import read
from dactyl.robots.shadow.layout import BASE_MARKERS
from tests import bags

MS = 1_000_000
LAYOUT = MarkerLayout(range(5), range(10, 14), BASE_MARKERS, range(20, 26), objects.load("block").markers)
TIPS = np.array([[0.02 * i, -0.05, 0.43] for i in range(5)])
TOPICS = ("/joint_sensors", "/markers")


def sensors(store: Any, time_ns: int, slope: float) -> Any:
    """Each sensor's reading is its number plus the time in seconds times a slope."""
    readings = np.arange(len(SENSORS)) + slope * time_ns * 1e-9
    kind = store.types["sensor_msgs/msg/JointState"]
    empty = np.zeros(0)
    names = [f"rh_{name}" for name in SENSORS]
    return kind(header=bags.header(store, time_ns), name=names, position=readings, velocity=empty, effort=empty)


def markers(store: Any, time_ns: int, hidden: tuple[int, ...] = ()) -> Any:
    points = [*enumerate(TIPS), *enumerate(BASE_MARKERS, start=10)]
    return bags.markers(
        store, time_ns, [(i, *map(float, p), -1.0 if i in hidden else 1.0) for i, p in points]
    )  # fmt: skip


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    """Sensors every 10 ms but for a gap from 0.5 to 0.8 s, markers every 4 ms, one hidden from 0.2 s on."""
    store = bags.typestore()
    messages = []
    for ms in range(1000, 2000, 2):
        if ms % 10 == 0 and not 1500 < ms < 1800:
            messages.append((TOPICS[0], ms * MS, sensors(store, ms * MS, slope=100.0)))
        if ms % 4 == 0:
            messages.append((TOPICS[1], ms * MS, markers(store, ms * MS, hidden=(3,) if ms >= 1200 else ())))
    kinds = {TOPICS[0]: "sensor_msgs/msg/JointState", TOPICS[1]: "dactyl_msgs/msg/MocapMarkers"}
    return bags.write(tmp_path / "bag", kinds, messages, store)


def test_sensors_and_markers_are_brought_to_the_same_moments(bag: Path) -> None:
    """Protects the fit from readings of another moment: interpolated, never across a gap, hidden markers NaN."""
    recording = read(bag, LAYOUT, *TOPICS, moments=10_000)
    times = (recording.raw[:, 1] - joint_readings(dict(zip(SENSORS, range(26), strict=True)))[1]) / 100.0
    ms = 1e3 * times
    assert np.all(np.abs(ms / 4 - np.round(ms / 4)) < 1e-6), "moments of the markers"
    assert not np.any((ms > 1501) & (ms < 1799))
    assert len(ms) == pytest.approx(175, abs=3)
    seen = np.isfinite(recording.fingertips[:, 3, 0])
    np.testing.assert_array_equal(seen, ms < 1199)
    np.testing.assert_allclose(recording.fingertips[:, 0], np.broadcast_to(TIPS[0], (len(ms), 3)), atol=1e-9)
    assert len(read(bag, LAYOUT, *TOPICS, moments=50).raw) == 50


def test_shadows_own_message_is_understood(tmp_path: Path) -> None:
    """Protects bags with Shadow's EtherCAT message, whose sensors have an order and no names."""
    from rosbags.typesys import get_types_from_msg

    store = bags.typestore()
    kind = "sr_robot_msgs/msg/EthercatDebug"
    store.register(get_types_from_msg("std_msgs/Header header\nint16[] sensors\nint16 idle_time_us\n", kind))
    messages = []
    for ms in range(1000, 1100, 2):
        readings = np.arange(37, dtype=np.int16)
        debug = store.types[kind](header=bags.header(store, ms * MS), sensors=readings, idle_time_us=0)
        messages += [("/debug", ms * MS, debug), (TOPICS[1], ms * MS, markers(store, ms * MS))]
    path = bags.write(tmp_path / "bag", {"/debug": kind, TOPICS[1]: "dactyl_msgs/msg/MocapMarkers"}, messages, store)
    recording = read(path, LAYOUT, "/debug", TOPICS[1], moments=100)
    np.testing.assert_allclose(recording.raw[0], joint_readings(dict(zip(SENSORS, range(26), strict=True))))


def test_a_bag_without_the_topics_is_refused(bag: Path) -> None:
    """Protects a lab from a wrong topic name: what there is, is listed."""
    with pytest.raises(DactylError, match="has nothing on /other; it has: /joint_sensors, /markers"):
        read(bag, LAYOUT, "/other", TOPICS[1], moments=10)
