"""A small bag as the graph would give it, made without ROS: two trials, three cameras, motion capture."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from dactyl.recording.bag import BagWriter, Qos, Topic

MESSAGES = Path(__file__).parents[2] / "src" / "dactyl_msgs" / "msg"
STEP, TICK = 8_000_000, 80_000_000  # ns: physics and control step
WIDTH, HEIGHT = 64, 48
EPOCH = 1_700_000_000_000_000_000
SUCCESS_TICKS = (20, 35)
"""Control steps of the first trial at which goals are reached."""
DROP_TICK, END_TICK = 50, 75


@cache
def typestore() -> Typestore:
    store = get_typestore(Stores.ROS2_JAZZY)
    types: dict[str, Any] = {}
    for path in MESSAGES.glob("*.msg"):
        types.update(get_types_from_msg(path.read_text(), f"dactyl_msgs/msg/{path.stem}"))
    store.register(types)
    return store


def pose_at(stamp_ns: int) -> tuple[np.ndarray, np.ndarray]:
    """Position (3,) m and orientation (4,) of the object: it turns about y at 1 rad/s and moves along x at 1 cm/s."""
    seconds = stamp_ns * 1e-9
    return np.array([0.01 * seconds, -0.03, 0.35]), np.array([np.cos(seconds / 2), 0.0, np.sin(seconds / 2), 0.0])


class Writer:
    """Writes decoded messages into a bag."""

    def __init__(self, folder: Path, namespace: str = "/dactyl") -> None:
        self.bag = BagWriter(folder)
        self.namespace = namespace
        self.store = typestore()
        self.sequences: dict[str, int] = {}

    def kind(self, name: str) -> Callable[..., Any]:
        return self.store.types[name]

    def header(self, stamp_ns: int, frame: str = "hand") -> Any:
        stamp = self.kind("builtin_interfaces/msg/Time")(stamp_ns // 10**9, stamp_ns % 10**9)
        return self.kind("std_msgs/msg/Header")(stamp, frame)

    def point(self, xyz: Any) -> Any:
        return self.kind("geometry_msgs/msg/Point")(*map(float, xyz))

    def write(self, topic: str, kind: str, at_ns: int, *fields: Any) -> None:
        """`at_ns`: when it was sent, on the graph's clock."""
        topic = re.sub("^/dactyl/", f"{self.namespace}/", topic)
        if topic not in self.bag.topics:
            text, _ = self.store.generate_msgdef(kind, ros_version=2)
            self.bag.add_topic(Topic(topic, kind, text, self.store.hash_rihs01(kind), (Qos(),)))
        data = bytes(self.store.serialize_cdr(self.kind(kind)(*fields), kind))
        sequence = self.sequences[topic] = self.sequences.get(topic, 0) + 1
        self.bag.write(topic, data, EPOCH + at_ns + 500_000, EPOCH + at_ns, sequence)

    def pose(self, topic: str, stamp_ns: int, at_ns: int) -> None:
        position, (w, x, y, z) = pose_at(stamp_ns)
        quaternion = self.kind("geometry_msgs/msg/Quaternion")(x, y, z, w)
        pose = self.kind("geometry_msgs/msg/Pose")(self.point(position), quaternion)
        self.write(topic, "geometry_msgs/msg/PoseStamped", at_ns, self.header(stamp_ns), pose)

    def markers(self, stamp_ns: int, hidden: bool) -> None:
        marker = self.kind("dactyl_msgs/msg/MocapMarker")
        ids = (0, 1, 2, 3, 4, 10, 11, 12, 13, 20, 21, 22, 23, 24, 25)
        markers = [marker(id, self.point(np.zeros(3)), 0.0 if hidden and id >= 20 else 1.0) for id in ids]
        self.write("/dactyl/mocap/markers", "dactyl_msgs/msg/MocapMarkers", stamp_ns, self.header(stamp_ns), markers)

    def fingertips(self, stamp_ns: int, lost: bool) -> None:
        tracked = np.array([not lost, True, True, True, True])
        positions = [self.point(np.zeros(3))] * 5
        self.write("/dactyl/fingertips", "dactyl_msgs/msg/FingertipPositions", stamp_ns + 1_000_000,
                   self.header(stamp_ns), positions, tracked, np.zeros(5, np.float32))  # fmt: skip

    def picture(self, camera: int, stamp_ns: int) -> None:
        data = np.full(3 * WIDTH * HEIGHT, (stamp_ns // TICK) % 250, np.uint8)
        name = f"/dactyl/camera_{camera}"
        header = self.header(stamp_ns, f"camera_{camera}_optical")
        self.write(f"{name}/image_raw", "sensor_msgs/msg/Image", stamp_ns + 5_000_000 * (camera + 1), header,
                   HEIGHT, WIDTH, "rgb8", 0, 3 * WIDTH, data)  # fmt: skip
        region = self.kind("sensor_msgs/msg/RegionOfInterest")(0, 0, 0, 0, False)
        k = np.array([80.0, 0.0, 31.5, 0.0, 80.0, 23.5, 0.0, 0.0, 1.0])
        self.write(f"{name}/camera_info", "sensor_msgs/msg/CameraInfo", stamp_ns, header, HEIGHT, WIDTH, "plumb_bob",
                   np.zeros(5), k, np.eye(3).ravel(), np.zeros(12), 0, 0, region)  # fmt: skip

    def action(self, topic: str, stamp_ns: int, at_ns: int, sequence: int, robot: str = "shadow") -> None:
        stamp = self.header(stamp_ns).stamp
        self.write(topic, "dactyl_msgs/msg/HandAction", at_ns, self.header(stamp_ns, ""), robot, sequence,
                   np.zeros(20, np.float32), np.zeros(0, np.float32), np.full(20, 5, np.uint8),
                   stamp, stamp, stamp)  # fmt: skip

    def status(self, tick: int, state: int, trial: int, successes: int, angle: float, reason: str) -> None:
        stamp_ns, time = tick * TICK, self.kind("builtin_interfaces/msg/Time")(0, 0)
        self.write("/dactyl/trial/status", "dactyl_msgs/msg/TrialStatus", stamp_ns + 3_000_000,
                   self.header(stamp_ns, ""), state, trial, 0, successes, angle, 70.0, time, reason, trial, 0.0, 0.0,
                   0.0)  # fmt: skip


def write_graph_bag(
    folder: Path, hidden_ticks: range = range(0), lost_ticks: range = range(0), namespace: str = "/dactyl"
) -> None:
    """75 control steps: the first trial reaches two goals and drops the object at step 50, the second is cut off.

    Args:
        folder: of the bag.
        hidden_ticks: control steps during which motion capture does not see the object, which then has no pose.
        lost_ticks: control steps during which it does not see the first fingertip.
        namespace: of the graph.
    """
    writer = Writer(folder, namespace)
    for tick in range(1, END_TICK):
        trial, running = int(tick > DROP_TICK), tick != DROP_TICK
        successes = sum(tick >= at for at in SUCCESS_TICKS) if not trial else 0
        for step in range(10):
            stamp_ns = tick * TICK + step * STEP
            writer.markers(stamp_ns, tick in hidden_ticks)
            writer.fingertips(stamp_ns, tick in lost_ticks)
            if tick not in hidden_ticks:
                writer.pose("/dactyl/object_pose/mocap", stamp_ns, stamp_ns + 1_200_000)
        for camera in range(3):
            writer.picture(camera, tick * TICK)
        if running:
            writer.action("/dactyl/action", tick * TICK, tick * TICK + 4_000_000, tick)
        reason = "dropped" if tick >= DROP_TICK else ""
        angle = 0.3 if tick in SUCCESS_TICKS else 2.0
        writer.status(tick, int(running), trial, successes if running else 0, angle if running else np.nan, reason)
    writer.bag.close()


def texts(page: str) -> str:
    """What a page says, without its tags, figures and pictures."""
    without = re.sub(r"<(svg|style).*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", without))
