"""The text of message definitions as bags carry it, from the .msg files in ROS's share folders."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path

from dactyl.errors import DactylError

_FIELD = re.compile(r"^\s*([A-Za-z][\w/]*)(?:<=\d+)?(?:\[[^\]]*\])?\s+[A-Za-z]\w*")
_PRIMITIVES = {
    "bool", "byte", "char", "float32", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64",
    "uint64", "string", "wstring",
}  # fmt: skip


@cache
def definition(type_name: str) -> str:
    """The definition of a type and of all it consists of, concatenated as rosbag2 does ("ros2msg").

    Args:
        type_name: such as sensor_msgs/msg/Image

    Raises:
        DactylError: no .msg file of that type is installed.
    """
    found: dict[str, str] = {}
    pending = [type_name]
    while pending:
        name = pending.pop(0)
        if name not in found:
            found[name] = _text(name)
            pending += _parts(name, found[name])
    first, *others = found
    separator = "\n" + "=" * 80 + "\n"
    return separator.join(
        [found[first], *(f"MSG: {name.replace('/msg/', '/')}\n{found[name]}" for name in others)]
    )  # the first one's name is the schema's


@cache
def type_hash(type_name: str) -> str:
    """The hash of a type as it is installed here, RIHS01_….

    Raises:
        DactylError: it is not installed.
    """
    for found in json.loads(_text(type_name, "json"))["type_hashes"]:
        if found["type_name"] == type_name:
            return str(found["hash_string"])
    raise DactylError(f"the description of the message type {type_name} has no hash")


def _text(type_name: str, suffix: str = "msg") -> str:
    package, _, name = type_name.partition("/msg/")
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        path = Path(prefix, "share", package, "msg", f"{name}.{suffix}")
        if prefix and name and path.is_file():
            return path.read_text()
    raise DactylError(f"there is no definition of the message type {type_name} in AMENT_PREFIX_PATH")


def _parts(type_name: str, text: str) -> list[str]:
    """Names of the message types that fields of a definition have."""
    package = type_name.partition("/")[0]
    names = []
    for line in text.splitlines():
        if not (match := _FIELD.match(line.partition("#")[0])):
            continue
        name = match[1].partition("<=")[0]
        if name in _PRIMITIVES:
            continue
        owner, _, kind = name.rpartition("/")
        owner = owner.partition("/")[0] or package
        names.append(f"{owner}/msg/{kind}")
    return names
