"""Which numbers an option takes: its type says so, and whoever takes options checks all of them before work begins.

    trials: Count = 100

The command line checks every argument of every command, `bringup` what `ros2 launch` and Python give. A number whose
type says nothing must be finite.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from dactyl.errors import WrongArgumentError


@dataclass(frozen=True)
class Range:
    """The numbers from `low` to `high`, both included."""

    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    """Not `low` itself."""
    endless: bool = False
    """Infinity too."""

    def has(self, value: float) -> bool:
        """Whether the number may be chosen; NaN never may."""
        if isinstance(value, float) and not math.isfinite(value) and not (self.endless and value == math.inf):
            return False
        return self.low <= value <= self.high and not (self.above and value == self.low)

    def text(self, kind: type) -> str:
        """Which numbers these are, for a person."""
        number = "a whole number" if kind is int else "a number" if self.endless else "a finite number"
        low = f"{'above' if self.above else 'from'} {self.low:.12g}" if self.low > -math.inf else ""
        high = f"{'up to' if self.above or not low else 'to'} {self.high if kind is int else format(self.high, 'g')}"
        return " ".join(filter(None, (number, low, high if self.high < math.inf else "")))


Seed = Annotated[int, Range(0, 2**63 - 1)]
"""What numpy, torch and a ROS parameter take."""
Count = Annotated[int, Range(1, 2**31 - 1)]
"""At least one."""
CountOrAll = Annotated[int, Range(0, 2**31 - 1)]
"""0 has a meaning of its own: all, for ever, none."""
Threads = Annotated[int, Range(0, 1024)]
"""0: one for each core."""
Workers = Annotated[int, Range(1, 1024)]
Port = Annotated[int, Range(1, 65535)]
Trials = Annotated[int, Range(1, 100_000)]
"""Side by side."""
Cells = Annotated[int, Range(1, 100)]
"""Rows or columns of a sheet of pictures."""
Seconds = Annotated[float, Range(0.0, 1e8, above=True)]
SecondsOrAll = Annotated[float, Range(0.0, 1e8)]
"""0: without end."""
FilmSeconds = Annotated[float, Range(0.0, 600.0, above=True)]
Angle = Annotated[float, Range(-math.pi, math.pi)]
"""rad"""
Share = Annotated[float, Range(0.0, 1.0, above=True)]
Temperature = Annotated[float, Range(0.0, 100.0, above=True)]
Positive = Annotated[float, Range(0.0, above=True)]
NotNegative = Annotated[float, Range(0.0)]
Minutes = Annotated[float, Range(0.0, above=True, endless=True)]
Number = Annotated[float, Range()]


class Unread(str):
    """What was given for a number and is none."""

    __slots__ = ()


def check(values: Mapping[str, Any], hints: Mapping[str, Any], call: Callable[[str], str] = str) -> None:
    """Check every number among options, those in tuples and in dataclasses too.

    Args:
        values: by the options' names.
        hints: their types by name, as `typing.get_type_hints` gives them with include_extras.
        call: from a name here to what the person who chose knows.

    Raises:
        WrongArgumentError: one of them may not be chosen.
    """
    for name, value in values.items():
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            check_options(value, call)
        elif found := find(hints.get(name)):
            kind, allowed = found
            for item in _items(value):
                if isinstance(item, Unread) or not allowed.has(item):
                    given = repr(str(item)) if isinstance(item, Unread) else f"{item}"
                    raise WrongArgumentError(f"{call(name)} must be {allowed.text(kind)}, not {given}")


def check_options(options: Any, call: Callable[[str], str] = str) -> None:
    """Check every number of an options dataclass; see `check`."""
    values = {field.name: getattr(options, field.name) for field in dataclasses.fields(options)}
    check(values, typing.get_type_hints(type(options), include_extras=True), call)


def find(hint: Any) -> tuple[type, Range] | None:
    """The kind of number, int or float, that a type is made of, and which of them; None where there is none."""
    if hint in (int, float):
        return hint, Range()
    if typing.get_origin(hint) is Annotated:
        kind, *notes = typing.get_args(hint)
        allowed = next((note for note in notes if isinstance(note, Range)), None)
        return (kind, allowed) if allowed else find(kind)
    return next((found for part in typing.get_args(hint) if (found := find(part))), None)


def _items(value: Any) -> Iterator[Any]:
    """The numbers of a value, which may be in tuples, or None."""
    if isinstance(value, (tuple, list)):
        for item in value:
            yield from _items(item)
    elif value is not None:
        yield value
