"""Every command of the command line, and every number that it takes, read from the command line itself."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tyro.extras import SubcommandApp

from dactyl import cli, ranges
from dactyl.commands import of_robots


class Command(NamedTuple):
    """One command."""

    words: tuple[str, ...]
    """What is typed for it."""
    function: Callable[..., Any]

    def options(self) -> Iterator[tuple[str, Any, Any]]:
        """(name, type, default) of each argument, those of option dataclasses too."""
        hints = typing.get_type_hints(self.function, include_extras=True)
        for name, parameter in inspect.signature(self.function).parameters.items():
            kind = typing.get_args(hints[name])[0] if typing.get_origin(hints[name]) is typing.Annotated else None
            if dataclasses.is_dataclass(kind):
                inner = typing.get_type_hints(kind, include_extras=True)
                yield from ((field.name, inner[field.name], field.default) for field in dataclasses.fields(kind))
            else:
                yield name, hints[name], parameter.default

    def numbers(self) -> Iterator[tuple[str, int]]:
        """(option, how many numbers it takes) of each numeric option."""
        for name, hint, _ in self.options():
            if ranges.find(hint):
                yield f"--{name.replace('_', '-')}", _length(hint)

    def placeholders(self) -> list[str]:
        """Something for each argument that must be given."""
        signature = inspect.signature(self.function).parameters
        words = []
        for name, _, default in self.options():
            if default in (inspect.Parameter.empty, dataclasses.MISSING):
                words += ["x"] if name in signature else [f"--{name}", "x"]
        return words


def _length(hint: Any) -> int:
    if typing.get_origin(hint) is tuple:
        return len([part for part in typing.get_args(hint) if part is not ...])
    return max((_length(part) for part in typing.get_args(hint)), default=1)


def commands() -> list[Command]:
    """All of them, the robots' too."""
    of_robots.add(cli.GROUPS)

    def walk(app: SubcommandApp, words: tuple[str, ...]) -> Iterator[Command]:
        for name, spec in app._subcommands.items():
            if isinstance(spec.target, SubcommandApp):
                yield from walk(spec.target, (*words, name))
            else:
                yield Command((*words, name), spec.target)

    return list(walk(cli.app, ()))
