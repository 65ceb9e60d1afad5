"""A node's parameters: fields of a dataclass, with descriptions, limits and one clear line about a wrong value."""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from dactyl.errors import DactylError

INTEGERS = 2**63
"""ROS's have 64 bits."""
AUTOSTART = "Be active from the start; else a lifecycle manager, or a person, activates the node."
"""What the parameter `autostart` of managed nodes means."""
JOINT_STATES = "Topic of the robot's joint states."
"""What the parameter `joint_states` means, of every node that uses them."""
ONE_MOMENT = 0.02
"""s; depth image and mask whose stamps are at most so far apart show one moment."""


def parameter(
    default: Any,
    description: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Sequence[str] = (),
    length: int | None = None,
) -> Any:
    """A field of a node's parameter dataclass; limits are inclusive, and hold for each element of a list.

    A default of None: robot, task or object have one, which the node gives to `DactylNode.declare`.
    """
    limits = {"minimum": minimum, "maximum": maximum, "choices": tuple(choices), "length": length}
    return dataclasses.field(default=default, metadata={"description": description, **limits})


def check_parameter(name: str, value: Any, hint: Any, limits: Mapping[str, Any]) -> Any:
    """The value as its declared type, within its limits.

    Raises:
        DactylError: one line saying what is wrong with it.
    """
    if typing.get_origin(hint) is tuple:
        if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__len__"):
            raise DactylError(f"parameter {name} must be a list, not {value!r}")
        if limits.get("length") not in (None, len(value)):
            raise DactylError(f"parameter {name} must have {limits['length']} elements, not {len(value)}")
        element = typing.get_args(hint)[0]
        return tuple(check_parameter(f"{name}[{i}]", item, element, limits) for i, item in enumerate(value))
    value = _number(value, hint)
    if type(value) is not hint:
        quotes = ": put it in quotes" if hint is str else ""
        raise DactylError(f"parameter {name} must be a {hint.__name__}, not {value!r}{quotes}")
    if isinstance(value, float) and math.isnan(value):
        raise DactylError(f"parameter {name} must be a number, not NaN")
    if isinstance(value, str) and "\0" in value:
        raise DactylError(f"parameter {name} must be a text without NUL, not {value!r}")
    if isinstance(value, int) and not -INTEGERS <= value < INTEGERS:
        raise DactylError(f"parameter {name} = {value} does not fit into 64 bits")
    minimum, maximum = limits.get("minimum"), limits.get("maximum")
    if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
        allowed = f"[{_limit(minimum, '-inf')}, {_limit(maximum, 'inf')}]"
        raise DactylError(f"parameter {name} = {value} is outside {allowed}")
    choices = limits.get("choices")
    if choices and value not in choices:
        raise DactylError(f"parameter {name} = {value!r} is none of: {', '.join(choices)}")
    return value


def _number(value: Any, hint: type) -> Any:
    """`rate: 8` and `rate: 1e-3`, which YAML reads as a text, are numbers; `count: 3.0` is a whole one."""
    if hint is float and isinstance(value, (int, str)) and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            return value
    return int(value) if hint is int and isinstance(value, float) and value.is_integer() else value


def _limit(limit: float | None, unlimited: str) -> str:
    return unlimited if limit is None else f"{limit:g}"


def descriptor(hint: Any, metadata: Mapping[str, Any]) -> ParameterDescriptor:
    """What `ros2 param describe` tells of a parameter that stays as it was at the start."""
    described = ParameterDescriptor(description=metadata["description"], read_only=True)
    scalar = typing.get_args(hint)[0] if typing.get_origin(hint) is tuple else hint
    minimum, maximum = metadata["minimum"], metadata["maximum"]
    if metadata["choices"]:
        described.additional_constraints = "one of: " + ", ".join(metadata["choices"])
    elif None not in (minimum, maximum) and scalar is int:
        described.integer_range = [IntegerRange(from_value=int(minimum), to_value=int(maximum), step=1)]
    elif None not in (minimum, maximum) and scalar is float:
        described.floating_point_range = [FloatingPointRange(from_value=float(minimum), to_value=float(maximum))]
    elif minimum is not None or maximum is not None:
        described.additional_constraints = f"in [{_limit(minimum, '-inf')}, {_limit(maximum, 'inf')}]"
    return described
