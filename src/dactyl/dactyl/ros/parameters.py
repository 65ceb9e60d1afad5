"""A node's parameters: fields of a dataclass, with descriptions, limits and one clear line about a wrong value."""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from dactyl.errors import DactylError


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
        if isinstance(value, (str, bytes)) or not hasattr(value, "__len__"):
            raise DactylError(f"parameter {name} must be a list, not {value!r}")
        if limits["length"] not in (None, len(value)):
            raise DactylError(f"parameter {name} must have {limits['length']} elements, not {len(value)}")
        element = typing.get_args(hint)[0]
        return tuple(check_parameter(f"{name}[{i}]", item, element, limits) for i, item in enumerate(value))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)  # "rate: 8" in a parameter file
    if type(value) is not hint:
        raise DactylError(f"parameter {name} must be a {hint.__name__}, not {value!r}")
    if isinstance(value, float) and math.isnan(value):
        raise DactylError(f"parameter {name} must be a number, not NaN")
    minimum, maximum = limits["minimum"], limits["maximum"]
    if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
        allowed = f"[{_limit(minimum, '-inf')}, {_limit(maximum, 'inf')}]"
        raise DactylError(f"parameter {name} = {value} is outside {allowed}")
    if limits["choices"] and value not in limits["choices"]:
        raise DactylError(f"parameter {name} = {value!r} is none of: {', '.join(limits['choices'])}")
    return value


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
