"""Messages as rosbridge has them, in JSON: of ROS 1, and of a ROS 2 that Shadow's controllers were ported to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from dactyl.errors import DactylError
from dactyl.robot.driver import JointStates
from dactyl.robots.shadow.protocol import motor_temperature

MAX_SECONDS = 2**31
ROS1, ROS2 = ("secs", "nsecs"), ("sec", "nanosec")
"""What a time's two parts are called, of which ROS 2 renamed both."""


class Stamped(NamedTuple):
    """Joint states, and the words of the ROS that they come from."""

    states: JointStates
    words: tuple[str, str]


def server(address: str) -> tuple[str, int]:
    """Host and port of a rosbridge server.

    Raises:
        DactylError: it is neither host:port nor ws://host:port.
    """
    text = address.strip()
    try:
        parts = urlsplit(text if "://" in text else f"ws://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    more = not host or parts.scheme != "ws" or parts.path not in ("", "/") or parts.query or parts.username
    if not host or not port or more or any(letter.isspace() for letter in text):
        raise DactylError(
            f"rosbridge_address must be host:port or ws://host:port with a port from 1 to 65535, not {address!r}"
        )
    return (f"[{host}]" if ":" in host else host), port


def joint_states(message: Any) -> Stamped:
    """A sensor_msgs/JointState.

    Raises:
        ValueError: it is none; says why.
    """
    stamp_ns, words = _stamp(_member(_member(message, "header", dict), "stamp", dict))
    names = _member(message, "name", list)
    if not all(isinstance(name, str) for name in names):
        raise ValueError("name is no list of texts")
    positions, efforts = _numbers(message, "position"), _numbers(message, "effort")
    return Stamped(JointStates(stamp_ns, names, positions, efforts), words)


def positions(message: Any) -> np.ndarray:
    """(n,) rad, that a trajectory_msgs/JointTrajectory of one point or more, or a std_msgs/Float64, asks for first.

    Raises:
        ValueError: it does not; says why.
    """
    if isinstance(message, dict) and "points" in message:
        message = next(iter(_member(message, "points", list)), None)
        return np.array(_numbers(message, "positions"))
    if not isinstance(message, dict) or "data" not in message:
        raise ValueError(f"{message!r:.40} where a command belongs")
    return np.array(_numbers({"data": [message["data"]]}, "data"))


def temperatures(message: Any) -> Iterator[tuple[int, float]]:
    """Motors' indices and temperatures, degrees Celsius, in a diagnostic_msgs/DiagnosticArray.

    Raises:
        ValueError: it is none; says why.
    """
    for status in _member(message, "status", list):
        values = {}
        for pair in _member(status, "values", list, optional=True):
            values[_member(pair, "key", str)] = _member(pair, "value", str, optional=True)
        if found := motor_temperature(_member(status, "name", str), values):
            yield found


def duration(seconds: float, words: tuple[str, str]) -> dict[str, int]:
    """A time or duration >= 0 in the words of one ROS."""
    whole, rest = divmod(round(seconds * 1e9), 1_000_000_000)
    return dict(zip(words, (whole, rest), strict=True))


def _member(message: Any, name: str, kind: type[Any], optional: bool = False) -> Any:
    if not isinstance(message, dict):
        raise ValueError(f"{message!r:.40} where a message with {name} belongs")
    value = message.get(name)
    if optional and value is None:
        return kind()
    if not isinstance(value, kind):
        raise ValueError(f"{name} is {value!r:.40}" if name in message else f"it has no {name}")
    return value


def _stamp(stamp: dict[str, Any]) -> tuple[int, tuple[str, str]]:
    words = ROS2 if "sec" in stamp else ROS1
    for word, limit in zip(words, (MAX_SECONDS, 1_000_000_000), strict=True):
        value = _member(stamp, word, int)
        if isinstance(value, bool) or not 0 <= value < limit:
            raise ValueError(f"{word} of its stamp is {value}")
    return stamp[words[0]] * 1_000_000_000 + stamp[words[1]], words


def _numbers(message: Any, name: str) -> list[float]:
    """A list of numbers; those that JSON has no word for, NaN and infinity, come as null."""
    values = _member(message, name, list, optional=True)
    if not all(value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)) for value in values):
        raise ValueError(f"{name} is no list of numbers")
    try:
        return np.array(values, float).tolist()
    except OverflowError as error:  # a whole number of hundreds of digits
        raise ValueError(f"{name} has numbers without end") from error
