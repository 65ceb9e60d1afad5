"""Between ROS's messages and the code's numbers: quality of service, stamps, points, rotations.

Quaternions are (w, x, y, z) inside the code; messages name their parts.
"""

from __future__ import annotations

import array
import importlib
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Pose, Quaternion
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from dactyl.errors import DactylError
from dactyl.ros import transforms

SENSOR = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Sensor data: the newest reading or none."""
JOINTS = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Joint states: another robot's, on the same topic, must not take the place of those that are waited for."""
EVERY = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)
"""All that has come since the last look, where a topic is looked at now and then."""
RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
"""Everything else."""
LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
"""State that a node started later has to know: the goal, the trial's status."""


def nanoseconds(stamp: Time) -> int:
    """A stamp as one number."""
    return stamp.sec * 1_000_000_000 + stamp.nanosec


def stamp_of(data: bytes) -> int:
    """The stamp of a serialized message that begins with a header, as one number, without decoding it.

    CDR's first four bytes say in which order those of a number come.
    """
    seconds, ns = struct.unpack_from("<iI" if data[1] & 1 else ">iI", data, 4)
    return int(seconds) * 1_000_000_000 + int(ns)


def to_array(numbers: Sequence[float] | np.ndarray) -> np.ndarray:
    """(n,) float32, of a message's list of such."""
    return np.asarray(numbers, np.float32)


def to_floats(numbers: np.ndarray) -> array.array[float]:
    """(n,) as a message's list of float32."""
    return array.array("f", numbers.astype(np.float32).tobytes())


def set_stamp(stamp: Time, ns: int) -> None:
    """Write ns >= 0 into a message's stamp."""
    stamp.sec, stamp.nanosec = divmod(ns, 1_000_000_000)


def set_point(message: Point, position: Sequence[float] | np.ndarray) -> None:
    """Write (3,) into a message."""
    message.x, message.y, message.z = float(position[0]), float(position[1]), float(position[2])


def set_quaternion(message: Quaternion, wxyz: Sequence[float] | np.ndarray) -> None:
    """Write (w, x, y, z) into a message."""
    message.x, message.y, message.z, message.w = transforms.to_xyzw(wxyz).tolist()


def position(message: Pose) -> np.ndarray:
    """(3,)"""
    return np.array([message.position.x, message.position.y, message.position.z])


def orientation(message: Quaternion) -> np.ndarray:
    """(4,) unit, (w, x, y, z); NaN where the message holds no rotation."""
    wxyz = transforms.to_wxyz((message.x, message.y, message.z, message.w))
    length = transforms.vector_norm(wxyz)
    return wxyz / length if length > 1e-6 else np.full(4, np.nan)


def message_class(kind: str) -> type[Any]:
    """The class of a message type such as sensor_msgs/msg/Image.

    Raises:
        DactylError: it is not installed.
    """
    package, _, name = kind.partition("/msg/")
    try:
        found: type[Any] = getattr(importlib.import_module(f"{package}.msg"), name)
    except (ImportError, AttributeError) as error:
        raise DactylError(f"the message type {kind} is not installed") from error
    return found


def from_fields(kind: type[Any], fields: Any) -> Any:
    """A message of a type, filled with what was decoded out of a bag; fields that the bag does not have stay empty.

    Raises:
        TypeError, AssertionError, ValueError: a field has changed its meaning since.
    """
    message = kind()
    for name, described in kind.get_fields_and_field_types().items():
        if hasattr(fields, name):
            setattr(message, name, _value(described, getattr(fields, name)))
    return message


def _value(described: str, value: Any) -> Any:
    """A field's value as its type is described, such as float, sequence<geometry_msgs/Point> or uint8[20]."""
    element = described.removeprefix("sequence<").partition("[")[0].partition(",")[0].removesuffix(">")
    package, slash, name = element.partition("/")
    if not slash:
        return value.tolist() if isinstance(value, np.ndarray) else value
    kind = message_class(f"{package}/msg/{name}")
    return from_fields(kind, value) if element == described else [from_fields(kind, each) for each in value]
