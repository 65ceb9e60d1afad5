"""Raw joint sensors and fingertip markers of a recorded bag, brought to the same moments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dactyl.errors import DactylError
from dactyl.recording.reading import Bag, nanoseconds, understood
from dactyl.robot.markers import MarkerLayout, MarkerTracker
from dactyl.robots.shadow.calibration.hall import SENSORS, joint_readings
from dactyl.robots.shadow.calibration.joints import Recording
from dactyl.robots.shadow.joints import JOINTS

MAX_GAP = 0.05
"""s between two readings of the sensors, beyond which nothing in between is used."""


def read(path: Path, layout: MarkerLayout, sensors_topic: str, markers_topic: str, moments: int) -> Recording:
    """Read a bag.

    Args:
        path: of the bag.
        layout: of the markers.
        sensors_topic: sensor_msgs/JointState with raw readings as positions, by sensor's or joint's name; or a message
            with `sensors` in the order of Shadow's EtherCAT message (sr_robot_msgs/EthercatDebug).
        markers_topic: dactyl_msgs/MocapMarkers.
        moments: at most so many, evenly spread.

    Raises:
        DactylError: the bag cannot be read or lacks what is needed.
    """
    with understood(path):
        return _read(Bag(path), layout, sensors_topic, markers_topic, moments)


def _read(bag: Bag, layout: MarkerLayout, sensors_topic: str, markers_topic: str, moments: int) -> Recording:
    tracker = MarkerTracker(layout)
    sensor_times, readings, times, fingertips = [], [], [], []
    for recorded, message in bag.decoded({sensors_topic, markers_topic}):
        time = nanoseconds(message.header.stamp) * 1e-9
        if recorded.topic == sensors_topic:
            sensor_times.append(time)
            readings.append(joint_readings(_by_name(message)))
        else:
            tracker.update(
                time, ((m.id, m.position.x, m.position.y, m.position.z) for m in message.markers if m.condition > 0)
            )
            times.append(time)
            fingertips.append(np.where(tracker.tracked[:, None], tracker.fingertips, np.nan))
    for topic, found in ((sensors_topic, sensor_times), (markers_topic, times)):
        if not found:
            raise DactylError(f"the bag {bag.path} has nothing on {topic}; it has: {', '.join(sorted(bag.topics))}")
    order = np.argsort(sensor_times)
    raw = _at(np.array(times), np.array(sensor_times)[order], np.array(readings)[order])
    tips = np.array(fingertips)
    usable = np.flatnonzero(np.isfinite(raw).all(axis=1) & np.isfinite(tips[..., 0]).any(axis=1))
    chosen = usable[np.linspace(0, len(usable) - 1, min(moments, len(usable))).astype(int)]
    return Recording(raw[chosen], tips[chosen])


def _by_name(message: Any) -> dict[str, float]:
    if hasattr(message, "sensors"):
        return dict(zip(SENSORS, map(float, message.sensors), strict=False))
    return {str(name).split("_")[-1]: float(value) for name, value in zip(message.name, message.position, strict=True)}


def _at(times: np.ndarray, known: np.ndarray, readings: np.ndarray) -> np.ndarray:
    """(n, 24) readings at other times, between those before and after; NaN where those are too far apart."""
    raw = np.stack([np.interp(times, known, readings[:, i]) for i in range(len(JOINTS))], axis=1)
    after = np.searchsorted(known, times)
    inside = (after > 0) & (after < len(known))
    gap = known[np.minimum(after, len(known) - 1)] - known[np.maximum(after - 1, 0)]
    raw[~(inside & (gap <= MAX_GAP))] = np.nan
    return raw
