"""Bags for tests, written by a library that shares nothing with the project's recorder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

MESSAGES = Path(__file__).resolve().parents[1] / "src" / "dactyl_msgs" / "msg"


def typestore() -> Any:
    """Message classes of ROS 2 Jazzy and of this project."""
    store = get_typestore(Stores.ROS2_JAZZY)
    for path in sorted(MESSAGES.glob("*.msg")):
        store.register(get_types_from_msg(path.read_text(), f"dactyl_msgs/msg/{path.stem}"))
    return store


def write(path: Path, topics: dict[str, str], messages: Iterable[tuple[str, int, Any]], store: Any) -> Path:
    """Write an MCAP bag.

    Args:
        path: folder to make.
        topics: type of each.
        messages: topic, time in ns, message.
        store: that the messages are of.
    """
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connections = {topic: writer.add_connection(topic, kind, typestore=store) for topic, kind in topics.items()}
        for topic, time_ns, message in messages:
            connection = connections[topic]
            writer.write(connection, time_ns, store.serialize_cdr(message, connection.msgtype))
    return path


def header(store: Any, time_ns: int, frame: str = "") -> Any:
    """A std_msgs/Header."""
    types = store.types
    stamp = types["builtin_interfaces/msg/Time"](sec=time_ns // 10**9, nanosec=time_ns % 10**9)
    return types["std_msgs/msg/Header"](stamp=stamp, frame_id=frame)


def markers(store: Any, time_ns: int, points: Iterable[tuple[int, float, float, float, float]]) -> Any:
    """A dactyl_msgs/MocapMarkers of (id, x, y, z, condition)."""
    types = store.types
    point, marker = types["geometry_msgs/msg/Point"], types["dactyl_msgs/msg/MocapMarker"]
    found = [marker(id=i, position=point(x=x, y=y, z=z), condition=condition) for i, x, y, z, condition in points]
    return types["dactyl_msgs/msg/MocapMarkers"](header=header(store, time_ns, "mocap"), markers=found)
